import type { StudyRecord } from '@radiotracer/integrity';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { counted } from '../lab/figures.ts';
import { painter } from '../lab/paint.ts';
import { printable } from '../queue/words.ts';
import { type ConfigOption, nextCommand } from '../read-config.ts';
import type { Surroundings } from '../surroundings.ts';
import { findStudies } from './find-study.ts';
import { type LedgerView, mustHaveLedger, stoppedNote } from './ledger-view.ts';
import { pageJson } from './page-json.ts';
import { pageText } from './page-text.ts';
import { studyJson } from './study-json.ts';
import { type FoundStudy, readFigures } from './study-source.ts';
import { studyHead, studyLine, studyTable } from './study-table.ts';

export interface StudiesShowOptions extends ConfigOption {
  readonly json?: boolean;
}

/** All that is known of one study. */
export async function studiesShowCommand(
  asked: string,
  options: StudiesShowOptions,
  view: LedgerView,
  surroundings: Surroundings,
): Promise<ExitCode> {
  mustHaveLedger(view);
  const { out, err, terminal, now } = surroundings;
  const note = stoppedNote(view);
  if (note !== undefined) err(`${note}\n`);
  const { studies, more } = await findStudies(view.ledger, asked);
  if (studies.length + more > 1) return await listThem(asked, studies, more, options, view, surroundings);
  const page = studies[0] === undefined ? undefined : await view.ledger.page(studies[0].uid);
  if (page === undefined) throw new CommandFailure(ExitCode.failed, notFound(asked));
  if (options.json === true) out(`${JSON.stringify(pageJson(page), undefined, 2)}\n`);
  else out(pageText(page, now(), painter(terminal.isColoured), nextCommand(options)));
  return ExitCode.ok;
}

export function notFound(asked: string): string {
  return `no study of the UID or accession number ${printable(asked)} is in the ledger: it never came here, or was let go after integrity.keep`;
}

/** An accession number of several studies: whoever asked says which. */
async function listThem(
  asked: string,
  studies: readonly StudyRecord[],
  more: number,
  options: StudiesShowOptions,
  { ledger }: LedgerView,
  { out, err, terminal, now }: Surroundings,
): Promise<ExitCode> {
  const found: FoundStudy[] = [];
  for (const study of studies) found.push({ study, figures: await readFigures(ledger, study) });
  const shape = { wide: false, now: now() };
  if (options.json === true) out(`${JSON.stringify({ studies: found.map(({ study, figures }) => studyJson(study, figures)), more })}\n`);
  else if (terminal.isTerminal) out(studyTable(found, { ...shape, wide: true }, painter(terminal.isColoured), terminal.columns));
  else out(studyHead(shape) + found.map((one) => studyLine(one, shape)).join(''));
  err(`${counted(found.length + more, 'study', 'studies')} of ${printable(asked)}: say which, by its Study Instance UID\n`);
  return ExitCode.failed;
}
