/**
 * ./dev bench telemetry: what telemetry and the ledger cost, and what a collector that fails and a ledger full of open studies cost.
 * Sender and PACS are DCMTK's; every proxy is a process of its own; rounds are interleaved, so that what the machine does otherwise meets all
 * alike.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { run } from '../test/fixtures/processes.ts';
import { missingTools } from '../test/fixtures/tools.ts';
import { circumstances, reportLine } from './shared/circumstances.ts';
import { command, type Watched } from './shared/command.ts';
import { keep } from './shared/keep.ts';
import { figuresOf, type WorkFigures } from './telemetry/figures.ts';
import type { HeldStudies } from './telemetry/held-studies.ts';
import { introduction } from './telemetry/introduction.ts';
import { type HeldBy, reportHeld, reportWork } from './telemetry/report.ts';
import { runRounds } from './telemetry/rounds.ts';
import { type WorkName, workNames, workOf } from './telemetry/works.ts';

const partNames = [...workNames, 'held'] as const;
type PartName = (typeof partNames)[number];

const usage = `./dev bench telemetry [--quick] [--rounds N] [--only PART]
  --quick    few and small instances, 2,000 open studies, 1 round
  --rounds   default 7
  --only     one of ${partNames.join(', ')} (what open studies hold of memory and disk)
A run with all parts that is not quick is kept in bench/results/telemetry.json and bench/RESULTS.md.
Exit code: 0; 1 something failed; 2 wrong options; 130 and 143 interrupted.`;

interface Options {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly parts: readonly PartName[];
}

/** Throws an error whose message is for the user. */
function readOptions(): Options | 'help' {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 7));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: a whole number from 1`);
  const usual = partNames.filter((name) => !values.quick || name !== 'slices');
  const parts = values.only === undefined ? usual : partNames.filter((name) => name === values.only);
  if (parts.length === 0) throw new Error(`--only ${values.only}: one of ${partNames.join(', ')}`);
  return { isQuick: values.quick, rounds, parts };
}

async function measureHeld(isQuick: boolean, { onProgress }: Watched): Promise<HeldBy[]> {
  const all: HeldBy[] = [];
  const shapes = isQuick ? [[5, 2000] as const] : [[100, 2000] as const, [50_000, 2] as const];
  for (const [studies, instances] of shapes) {
    for (const what of ['ledger', 'tracker']) {
      onProgress(`${studies} open studies of ${instances} instances, ${what}`);
      const program = fileURLToPath(new URL('./telemetry/held-studies.ts', import.meta.url));
      const args = [
        '--expose-gc',
        '--max-semi-space-size=2',
        '--conditions=@radiotracer/source',
        program,
        what,
        String(studies),
        String(instances),
      ];
      const ended = await run(process.execPath, args, { withinMs: 300_000 });
      if (ended.code !== 0) throw new Error(`${what} of open studies: ${ended.output.slice(-1000)}`);
      all.push({ what, held: JSON.parse(ended.stdout) as HeldStudies });
    }
  }
  return all;
}

async function measure({ isQuick, rounds, parts }: Options, watched: Watched): Promise<boolean> {
  const missing = missingTools('storescu', 'storescp');
  if (missing !== undefined) throw new Error(`${missing}; ./dev test installs what is needed on Debian`);
  const at = circumstances({ rounds, isQuick });
  console.log(`${reportLine(at)}\n`);
  const works: WorkFigures[] = [];
  const open = { studies: isQuick ? 2000 : 50_000, instancesOfEach: 2 };
  for (const name of parts.filter((part): part is WorkName => part !== 'held')) {
    const figures = figuresOf(await runRounds({ work: workOf(name, isQuick), open, rounds, delayMs: isQuick ? 300 : 1000, ...watched }));
    watched.onProgress('');
    console.log(`${reportWork(figures)}\n`);
    works.push(figures);
  }
  const held = parts.includes('held') ? await measureHeld(isQuick, watched) : [];
  watched.onProgress('');
  if (held.length > 0) console.log(`${reportHeld(held)}\n`);
  const isWhole = !isQuick && parts.length === partNames.length;
  if (isWhole)
    await keep({ name: 'telemetry', at, figures: { works, held }, introduction, parts: [...works.map(reportWork), reportHeld(held)] });
  console.log(isWhole ? 'kept in bench/results/telemetry.json and bench/RESULTS.md' : 'not kept: not all parts, or quick');
  const hadTelemetry = works.every(({ telemetryBytes }) => telemetryBytes > 0);
  if (!hadTelemetry) console.error('the collector received nothing: telemetry was not on');
  return hadTelemetry;
}

await command({ usage, readOptions, measure });
