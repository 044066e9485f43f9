import { type ModalitySummary, readModalities } from '@radiotracer/integrity';
import { ExitCode } from '../exit-code.ts';
import { painter } from '../lab/paint.ts';
import type { ConfigOption } from '../read-config.ts';
import { type LedgerView, mustHaveLedger, stoppedNote } from '../studies/ledger-view.ts';
import type { Surroundings } from '../surroundings.ts';
import { summaryJson } from './modality-json.ts';
import { modalityLines, modalityTable } from './modality-table.ts';

export interface ModalitiesOptions extends ConfigOption {
  readonly json?: boolean;
}

/** 0 also when one is silent: it did what was asked. */
export async function modalitiesLsCommand(options: ModalitiesOptions, view: LedgerView, surroundings: Surroundings): Promise<ExitCode> {
  mustHaveLedger(view);
  const { out, err, terminal, now } = surroundings;
  const note = stoppedNote(view);
  if (note !== undefined) err(`${note}\n`);
  const at = now();
  const modalities = [...(await readModalities(view.home, at))].sort(silentFirst);
  if (options.json === true) out(`{"modalities":[\n${modalities.map((one) => JSON.stringify(summaryJson(one))).join(',\n')}\n]}\n`);
  else if (!terminal.isTerminal) out(modalityLines(modalities));
  else if (modalities.length === 0) out('no modality has called yet\n');
  else out(modalityTable(modalities, at, painter(terminal.isColoured)));
  return ExitCode.ok;
}

/** Then by title. */
function silentFirst(one: ModalitySummary, other: ModalitySummary): number {
  const rank = ({ state, aeTitle }: ModalitySummary) => `${state === 'silent' ? 0 : state === undefined ? 2 : 1}${aeTitle}`;
  return rank(one) < rank(other) ? -1 : 1;
}
