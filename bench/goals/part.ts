import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProxyOptions, type RunningProxy, startProxy } from '../../test/fixtures/proxy.ts';
import { Stage } from '../../test/fixtures/stage.ts';
import { studyFiles } from '../../test/soak/loads.ts';
import type { Watched } from '../shared/command.ts';
import { startSink } from '../shared/programs.ts';
import { roomyFolder } from '../shared/roomy-folder.ts';
import type { Row } from './figure.ts';

export interface PartOptions extends Watched {
  readonly rounds: number;
  readonly isQuick: boolean;
}

/** One row of the table, and how it is measured. */
export interface Part {
  readonly name: string;
  /** In a few words, for whoever asks what there is. */
  readonly about: string;
  /** Programs that must be on this machine. */
  readonly tools: readonly string[];
  measure(options: PartOptions): Promise<Row>;
}

/** With a stage that is cleared whatever happens. */
export async function onStage<Result>({ onStage: tell }: Watched, body: (stage: Stage) => Promise<Result>): Promise<Result> {
  const stage = new Stage();
  tell(stage);
  try {
    return await body(stage);
  } finally {
    await stage.clear();
  }
}

/** Spans leave this long after they ended, studies close this long after their last association: short, to fall into the run's own turn. */
const telemetryDelayMs = 1000;
/** After a run through the proxy. */
export const settleMs = telemetryDelayMs * 2.5;

/** The proxy as a site has it: telemetry on, to a collector that takes everything, and the ledger. The PACS here answers no C-FIND. */
export async function startWhole(stage: Stage, options: ProxyOptions): Promise<RunningProxy> {
  const sinkPort = await startSink(stage);
  return await startProxy(stage, {
    otlp: `http://127.0.0.1:${sinkPort}`,
    ...options,
    more: { integrity: { quietPeriod: `${telemetryDelayMs}ms`, verify: false }, log: { level: 'error' }, ...options.more },
    env: { OTEL_BSP_SCHEDULE_DELAY: String(telemetryDelayMs), ...options.env },
  });
}

/** Studies of square CT slices in memory, each a list of files. Slices of 512 are 0.5 MB, of 58 are 8 KB. */
export async function studiesInMemory(
  stage: Stage,
  { studies, slices, side }: { readonly studies: number; readonly slices: number; readonly side: number },
): Promise<(readonly string[])[]> {
  const folder = await roomyFolder();
  stage.defer(() => rm(folder, { recursive: true, force: true }));
  const lists: (readonly string[])[] = [];
  for (let study = 1; study <= studies; study++) lists.push((await studyFiles(folder, slices, side, 100 + study)).paths);
  return lists;
}

/** Where what waits lies. */
export function waitingFolder({ configFile }: RunningProxy): string {
  return join(configFile, '..', 'spool', 'waiting');
}
