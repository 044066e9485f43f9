import type { PageCursor } from '@radiotracer/integrity';
import { ExitCode } from '../exit-code.ts';
import { painter } from '../lab/paint.ts';
import type { Surroundings } from '../surroundings.ts';
import { type LedgerView, mustHaveLedger, stoppedNote } from './ledger-view.ts';
import { studyJson } from './study-json.ts';
import type { StudySelection } from './study-selection.ts';
import { cursorText, StudySource } from './study-source.ts';
import { studyHead, studyLine, studyTable } from './study-table.ts';

export interface StudiesLsOptions extends StudySelection {
  /** 0: all. */
  readonly limit?: number;
  readonly after?: PageCursor;
  readonly wide?: boolean;
}

const terminalLimit = 50;

/** What the ledger has, the newest first. */
export async function studiesLsCommand(options: StudiesLsOptions, view: LedgerView, surroundings: Surroundings): Promise<ExitCode> {
  mustHaveLedger(view);
  const { err, terminal, now } = surroundings;
  const note = stoppedNote(view);
  if (note !== undefined) err(`${note}\n`);
  const isTable = terminal.isTerminal && options.json !== true;
  const limit = options.limit ?? (isTable ? terminalLimit : 0);
  const source = new StudySource(view.ledger, options, now());
  const batches = await begun(source.batches(limit === 0 ? Number.POSITIVE_INFINITY : limit, options.after));
  if (options.json === true) await writeJson(source, batches, surroundings);
  else if (isTable) await writeTable(source, batches, options, surroundings);
  else await writePlain(batches, options, surroundings);
  return ExitCode.ok;
}

type Batches = ReturnType<StudySource['batches']>;

/** The first is there, or there is none: of a ledger that cannot be read nothing is written, not even a heading. */
async function begun(batches: Batches): Promise<Batches> {
  const first = await batches.next();
  return (async function* () {
    if (first.done === true) return;
    yield first.value;
    yield* batches;
  })();
}

async function writeJson(source: StudySource, batches: Batches, { out, taken }: Surroundings): Promise<void> {
  out('{"studies":[');
  let separator = '\n';
  for await (const found of batches) {
    for (const { study, figures } of found) {
      out(`${separator}${JSON.stringify(studyJson(study, figures))}`);
      separator = ',\n';
    }
    if (!(await taken())) return;
  }
  out(`\n],"next":${JSON.stringify(source.next === undefined ? null : cursorText(source.next))}}\n`);
}

async function writePlain(batches: Batches, options: StudiesLsOptions, { out, taken, now }: Surroundings): Promise<void> {
  const shape = { wide: options.wide === true, now: now() };
  out(studyHead(shape));
  for await (const found of batches) {
    out(found.map((one) => studyLine(one, shape)).join(''));
    if (!(await taken())) return;
  }
}

async function writeTable(
  source: StudySource,
  batches: Batches,
  options: StudiesLsOptions,
  { out, terminal, now }: Surroundings,
): Promise<void> {
  const paint = painter(terminal.isColoured);
  const shape = { wide: options.wide === true, now: now() };
  let isFirst = true;
  for await (const found of batches) {
    out(`${isFirst ? '' : '\n'}${studyTable(found, shape, paint, terminal.columns)}`);
    isFirst = false;
  }
  if (isFirst) out('no study in the ledger matches\n');
  if (source.next !== undefined) out(`${paint('dim', `there may be more: --after ${cursorText(source.next)}, or --limit 0 for all`)}\n`);
}
