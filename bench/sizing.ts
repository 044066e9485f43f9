/**
 * ./dev bench sizing: the model of docs/sizing.md against the proxy, and what it needs that no other bench measures. With --site it only
 * computes: what that site needs.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { missingTools } from '../test/fixtures/tools.ts';
import { circumstances, reportLine } from './shared/circumstances.ts';
import { command, type Watched } from './shared/command.ts';
import { keep } from './shared/keep.ts';
import { number, table } from './shared/table.ts';
import { mbPerAssociation } from './sizing/association-memory.ts';
import { constantsOf } from './sizing/constants.ts';
import { introduction } from './sizing/introduction.ts';
import { readKeptFigures } from './sizing/kept-figures.ts';
import type { MeasuredHere, TelemetryVolume } from './sizing/measured-here.ts';
import { mixed } from './sizing/mixed.ts';
import { readSite } from './sizing/site.ts';
import { comparedTable, siteTables } from './sizing/tables.ts';
import { telemetryVolume } from './sizing/telemetry-volume.ts';

const usage = `./dev bench sizing [--quick] [--rounds N] [--site FILE]
  --quick    little work, 1 round
  --rounds   of the mixed work; default 3
  --site     measures nothing: what the site in FILE needs, as bench/sizing/hospital.json has it
The model takes what the other benches have kept in bench/results. A run that is not quick is kept there, in
bench/RESULTS.md and in the tables of docs/sizing.md.
Exit code: 0; 1 something failed; 2 wrong options; 130 and 143 interrupted.`;

interface Options {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly site: string | undefined;
}

/** Throws an error whose message is for the user. */
function readOptions(): Options | 'help' {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      site: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: a whole number from 1`);
  return { isQuick: values.quick, rounds, site: values.site };
}

async function measure({ isQuick, rounds, site }: Options, watched: Watched): Promise<boolean> {
  const kept = readKeptFigures();
  if (site !== undefined) {
    console.log(siteTables(constantsOf(kept), readSite(site, readFileSync(site, 'utf8'))).join('\n'));
    return true;
  }
  const missing = missingTools('storescu', 'storescp');
  if (missing !== undefined) throw new Error(`${missing}; ./dev test installs what is needed on Debian`);
  const at = circumstances({ rounds, isQuick });
  console.log(`${reportLine(at)}\n`);
  const associationMb = await mbPerAssociation(isQuick ? 30 : 100, watched);
  const instances = isQuick ? 40 : 200;
  const telemetry = await telemetryVolume('none', instances, watched);
  const telemetryGzip = await telemetryVolume('gzip', instances, watched);
  const measured = { mbPerAssociation: associationMb, telemetry, telemetryGzip, mixed: [] };
  const constants = constantsOf({ ...kept, sizing: { ...at, here: measured } });
  const here: MeasuredHere = { ...measured, mixed: await mixed({ constants, rounds, isQuick, ...watched }) };
  watched.onProgress('');
  const parts = [reportConstants(here), ['### A mixed work', '', ...comparedTable(here.mixed)].join('\n')];
  console.log(`${parts.join('\n\n')}\n`);
  if (!isQuick) await keep({ name: 'sizing', at, figures: { here }, introduction, parts });
  console.log(isQuick ? 'not kept: quick' : 'kept in bench/results/sizing.json and bench/RESULTS.md');
  return true;
}

function reportConstants({ mbPerAssociation: mb, telemetry, telemetryGzip }: MeasuredHere): string {
  const row = (compression: string, { perInstance, perAssociation, perStudy, perMetricExport }: TelemetryVolume) => [
    compression,
    ...[perInstance, perAssociation, perStudy, perMetricExport].map((bytes) => number(bytes, 0)),
  ];
  return [
    '### Memory of an association, and telemetry',
    '',
    `One more association at the same time takes ${number(mb, 2)} MB.`,
    '',
    ...table(
      ['telemetry, bytes', 'an instance', 'an association', 'a study', 'all metrics, once'],
      [row('plain', telemetry), row('gzip', telemetryGzip)],
    ),
  ].join('\n');
}

await command({ usage, readOptions, measure });
