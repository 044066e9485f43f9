import { ExitCode } from '../exit-code.ts';
import { counted } from '../lab/figures.ts';
import type { Surroundings } from '../surroundings.ts';
import { askFirst } from './ask-first.ts';
import { ofSchedule } from './entry-source.ts';
import { type Loss, lossOf, lossText, maybeText } from './loss.ts';
import { progressLine } from './progress.ts';
import { isUntouched, mustHaveSchedule, neverStarted, type QueueHome } from './queue-home.ts';
import { RemovalNotes } from './removal-notes.ts';
import { filterForChange, type SelectionOptions } from './selection.ts';
import { Tally } from './tally.ts';
import { cutShort, tellTally } from './verb-command.ts';
import { applyRemove } from './verbs.ts';

export interface RmOptions extends SelectionOptions {
  readonly yes?: boolean;
}

/** Deletes instances that were acknowledged and not delivered. Asks, or is told beforehand; and deletes nothing that came since it said what. */
export async function rmCommand(
  ids: readonly string[],
  options: RmOptions,
  home: QueueHome,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { err, now } = surroundings;
  const { queue, spools } = home;
  const filter = filterForChange(ids, options, now());
  const isNew = await isUntouched(home);
  if (isNew) err(`${neverStarted(home)}: nothing is queued\n`);
  else await mustHaveSchedule(home);
  // In reach and not being sent.
  const isLost = ({ ownerId, state }: { readonly ownerId: string; readonly state: string }) => spools.has(ownerId) && state !== 'leased';
  const loss = isNew ? undefined : await lossOf(ofSchedule(queue)(filter), isLost);
  if (loss !== undefined && !(await askFirst(questionOf(loss, now()), options, surroundings))) return ExitCode.failed;
  const progress = progressLine(surroundings, 'removing', options.json === true);
  const tally = new Tally(ids, (matched) => progress.update(matched));
  const notes = new RemovalNotes(home, now);
  if (!isNew) {
    const most = loss ?? { entries: 0, lastId: '~' };
    try {
      await applyRemove({ queue, spools, now, tally, removed: (entries) => notes.write(entries) }, filter, most);
    } catch (error) {
      progress.clear();
      throw cutShort(error, home, tally);
    } finally {
      await notes.close();
    }
  }
  progress.clear();
  if (notes.failed !== undefined) err(`${notes.failed}\n`);
  return tellTally('rm', tally, options, surroundings);
}

function questionOf(loss: Loss, now: number) {
  const text = [
    `This deletes ${lossText(loss, now)}.`,
    `They were acknowledged to the modality, which may have deleted its own, and no destination has them${maybeText(loss)}.`,
    'A copy, beforehand: radiotracer queue export DIR, with the same options.',
    '',
  ].join('\n');
  return { text, done: 'removed', asked: `Remove ${counted(loss.entries, 'instance')} for good?` };
}
