/** What the benches have kept in bench/results; undefined where one has kept nothing yet. */
import { readFileSync } from 'node:fs';
import type { CostFigures } from '../fleet/cost.ts';
import type { DrainFigures } from '../fleet/drain.ts';
import type { WorkFigures as RelayWork } from '../relay/figures.ts';
import type { Circumstances } from '../shared/circumstances.ts';
import type { WorkFigures as TelemetryWork } from '../telemetry/figures.ts';
import type { HeldBy } from '../telemetry/report.ts';
import type { MeasuredHere } from './measured-here.ts';

export interface KeptFigures {
  readonly relay: (Circumstances & { readonly works: readonly RelayWork[] }) | undefined;
  readonly telemetry: (Circumstances & { readonly works: readonly TelemetryWork[]; readonly held: readonly HeldBy[] }) | undefined;
  readonly fleet: (Circumstances & { readonly drain: readonly DrainFigures[]; readonly cost: readonly CostFigures[] }) | undefined;
  readonly sizing: (Circumstances & { readonly here: MeasuredHere }) | undefined;
}

export function readKeptFigures(): KeptFigures {
  return { relay: read('relay'), telemetry: read('telemetry'), fleet: read('fleet'), sizing: read('sizing') };
}

function read<Figures>(name: string): Figures | undefined {
  try {
    return JSON.parse(readFileSync(new URL(`../results/${name}.json`, import.meta.url), 'utf8')) as Figures;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`bench/results/${name}.json cannot be used: ${error instanceof Error ? error.message : error}`);
  }
}
