import { readModality } from '@radiotracer/integrity';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { painter } from '../lab/paint.ts';
import { printable } from '../queue/words.ts';
import { nextCommand } from '../read-config.ts';
import { type LedgerView, mustHaveLedger, stoppedNote } from '../studies/ledger-view.ts';
import type { Surroundings } from '../surroundings.ts';
import type { ModalitiesOptions } from './ls-command.ts';
import { pageJson } from './modality-json.ts';
import { modalityText } from './modality-text.ts';

/** @throws CommandFailure (failed) nobody of that title ever called, or it was let go */
export async function modalitiesShowCommand(
  aeTitle: string,
  options: ModalitiesOptions,
  view: LedgerView,
  { out, err, terminal, now }: Surroundings,
): Promise<ExitCode> {
  mustHaveLedger(view);
  const note = stoppedNote(view);
  if (note !== undefined) err(`${note}\n`);
  const page = await readModality(view.home, aeTitle.trim(), now());
  if (page === undefined)
    throw new CommandFailure(
      ExitCode.failed,
      `no modality of the AE title ${printable(aeTitle)} is in the ledger: it never called, was let go after integrity.keep, or is counted in _OTHER; ${nextCommand(options)('modalities')} lists all`,
    );
  if (options.json === true) out(`${JSON.stringify(pageJson(page), undefined, 2)}\n`);
  else out(modalityText(page, now(), painter(terminal.isColoured)));
  return ExitCode.ok;
}
