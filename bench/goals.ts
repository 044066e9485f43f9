/**
 * ./dev bench: every goal with our figure beside it, and a look whether any has become worse than the one that was kept.
 * Exit code 1 is for what failed or has become worse; a goal that is missed is said, and is no failure.
 */
import { parseArgs } from 'node:util';
import { missingTools } from '../test/fixtures/tools.ts';
import type { Row } from './goals/figure.ts';
import { keepRows, readKept } from './goals/kept.ts';
import type { Part } from './goals/part.ts';
import { parts } from './goals/parts.ts';
import { compare, reportComparisons, tolerated } from './goals/regressions.ts';
import { reportBesideKept, reportNotes } from './goals/report.ts';
import { circumstances, reportLine } from './shared/circumstances.ts';
import { command, type Interruptible } from './shared/command.ts';

/** With fewer, one round that was disturbed is what is kept. */
const keptFromRounds = 3;

const usage = `./dev bench [--quick] [--rounds N] [--only ROW[,ROW…]] [--keep]
  --quick    smaller counts, 2 rounds: some minutes; compared with the quick run that was kept, and itself kept only by --keep
  --rounds   default 5
  --only     of
${parts.map(({ name, about }) => `               ${name.padEnd(14)}${about}`).join('\n')}
  --keep     keep the figures though some have become worse, or the run is quick or has less than ${keptFromRounds} rounds
Figures are compared with the kept ones: ratios and memory, never times. What is worse by more than ${tolerated * 100} % is told in a line of its own, and
then nothing is kept. Otherwise the rows that were measured are kept in bench/results/goals.json and bench/RESULTS.md.
./dev bench --list says what else can be measured.
Exit code: 0; 1 something failed or has become worse; 2 wrong options; 130 and 143 interrupted.`;

interface Options {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly parts: readonly Part[];
  readonly isKept: boolean;
}

/** Throws an error whose message is for the user. */
function readOptions(): Options | 'help' {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: a whole number from 1`);
  const asked = values.only?.split(',');
  const unknown = asked?.find((name) => !parts.some((part) => part.name === name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: of ${parts.map(({ name }) => name).join(', ')}`);
  return { isQuick: values.quick, rounds, parts: parts.filter(({ name }) => asked?.includes(name) ?? true), isKept: values.keep };
}

async function measure(options: Options, watched: Interruptible): Promise<boolean> {
  const at = circumstances(options);
  console.log(`${reportLine(at)}\n`);
  if (at.loadBefore > at.cores / 2) console.log(`this machine has other work (load ${at.loadBefore.toFixed(1)}): its figures say little\n`);
  const kept = await readKept(options.isQuick);
  const rows: Row[] = [];
  const failed: string[] = [];
  for (const [index, { name, tools, measure: measurePart }] of options.parts.entries()) {
    const missing = missingTools(...tools);
    const onProgress = (text: string) => watched.onProgress(text === '' ? '' : `${index + 1} of ${options.parts.length}, ${name}: ${text}`);
    const startedAt = performance.now();
    try {
      if (missing !== undefined) throw new Error(`${missing}; ./dev test installs what is needed on Debian`);
      const row = await measurePart({ ...options, ...watched, onProgress });
      rows.push(row);
      watched.onProgress('');
      console.log(`${name} measured, ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
    } catch (error) {
      if (watched.isInterrupted()) throw error;
      watched.onProgress('');
      failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      console.error(`FAILED ${failed.at(-1)}`);
    }
  }
  const comparisons = compare(rows, kept.find);
  console.log(`\n${[...reportBesideKept(rows, kept.find), '', ...reportNotes(rows)].join('\n')}\n`);
  console.log(reportComparisons(comparisons).join('\n'));
  for (const line of failed) console.log(`FAILED ${line}`);
  const hasRegressed = comparisons.some(({ isRegression }) => isRegression);
  const against = reasonNotToKeep(options, hasRegressed);
  if (rows.length === 0) return false;
  if (options.isKept || against === undefined) console.log(await keepRows(kept.with(rows.map((row) => ({ ...row, at }))), at));
  else console.log(`not kept: ${against}; --keep keeps it all the same`);
  return failed.length === 0 && !hasRegressed;
}

function reasonNotToKeep({ isQuick, rounds }: Options, hasRegressed: boolean): string | undefined {
  if (hasRegressed) return 'something has become worse';
  if (isQuick) return 'the run was quick';
  return rounds < keptFromRounds ? `less than ${keptFromRounds} rounds` : undefined;
}

await command({ usage, readOptions, measure });
