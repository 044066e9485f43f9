import type { QueueFilter } from '@radiotracer/queue';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { counted, size } from '../lab/figures.ts';
import type { Surroundings } from '../surroundings.ts';
import { ofSchedule } from './entry-source.ts';
import { progressLine } from './progress.ts';
import { isUntouched, mustHaveSchedule, neverStarted, type QueueHome } from './queue-home.ts';
import { RemovalNotes } from './removal-notes.ts';
import { filterForChange, type SelectionOptions } from './selection.ts';
import { Tally } from './tally.ts';
import { cutShort, tellTally } from './verb-command.ts';
import { applyRemove } from './verbs.ts';
import { printable, span } from './words.ts';

export interface RmOptions extends SelectionOptions {
  readonly yes?: boolean;
}

/** What would be lost. */
interface Loss {
  readonly entries: number;
  readonly bytes: number;
  readonly studies: number;
  readonly areStudiesExact: boolean;
  readonly destinations: readonly string[];
  readonly oldestAt: number;
  readonly newestAt: number;
  readonly maybeDelivered: number;
  readonly lastId: string;
}

/** Remembered to be counted once. */
const maxStudies = 10_000;

/** Deletes instances that were acknowledged and not delivered. Asks, or is told beforehand; and deletes nothing that came since it said what. */
export async function rmCommand(
  ids: readonly string[],
  options: RmOptions,
  home: QueueHome,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { out, err, now, ask } = surroundings;
  const filter = filterForChange(ids, options, now());
  const json = options.json === true;
  const isNew = await isUntouched(home);
  if (isNew) err(`${neverStarted(home)}: nothing is queued\n`);
  else await mustHaveSchedule(home);
  const loss = isNew ? undefined : await whatIsLost(filter, home);
  if (loss !== undefined && options.yes !== true) {
    const text = lossText(loss, now());
    if (ask === undefined || json)
      throw new CommandFailure(ExitCode.usage, `${text}Nothing was removed: there is nobody to ask. If you mean it: --yes`);
    out(text);
    if ((await ask(`Remove ${counted(loss.entries, 'instance')} for good? Type yes: `)).trim().toLowerCase() !== 'yes') {
      err('nothing was removed\n');
      return ExitCode.failed;
    }
  }
  const progress = progressLine(surroundings, 'removing', json);
  const tally = new Tally(ids, (matched) => progress.update(matched));
  const notes = new RemovalNotes(home, now);
  if (!isNew) {
    const { queue, spools } = home;
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

/** In reach and not being sent; undefined: nothing. */
async function whatIsLost(filter: QueueFilter, { queue, spools }: QueueHome): Promise<Loss | undefined> {
  let [entries, bytes, maybeDelivered, oldestAt, newestAt, lastId] = [0, 0, 0, Number.POSITIVE_INFINITY, 0, ''];
  const studies = new Set<string>();
  const destinations = new Set<string>();
  let areStudiesExact = true;
  for await (const batch of ofSchedule(queue)(filter)) {
    for (const entry of batch) {
      lastId = entry.id;
      if (!spools.has(entry.ownerId) || entry.state === 'leased') continue;
      entries++;
      bytes += entry.bytes;
      if (entry.possibleDuplicates > 0) maybeDelivered++;
      oldestAt = Math.min(oldestAt, entry.receivedAt);
      newestAt = Math.max(newestAt, entry.receivedAt);
      destinations.add(entry.destinationId);
      if (studies.size < maxStudies) studies.add(entry.studyKey === '' ? entry.id : entry.studyKey);
      else if (!studies.has(entry.studyKey)) areStudiesExact = false;
    }
  }
  if (entries === 0) return undefined;
  return {
    entries,
    bytes,
    studies: studies.size,
    areStudiesExact,
    destinations: [...destinations],
    oldestAt,
    newestAt,
    maybeDelivered,
    lastId,
  };
}

function lossText(loss: Loss, now: number): string {
  const { entries, bytes, studies, areStudiesExact, destinations, oldestAt, newestAt, maybeDelivered } = loss;
  const ofStudies = `${areStudiesExact ? '' : 'more than '}${counted(studies, 'study', 'studies')}`;
  const [oldest, newest] = [span(Math.max(0, now - oldestAt)), span(Math.max(0, now - newestAt))];
  const ago = oldest === newest ? `${oldest} ago` : `${oldest} to ${newest} ago`;
  const maybe = maybeDelivered === 0 ? '' : ` (${maybeDelivered} may have arrived all the same: their outcome is not known)`;
  return [
    `This deletes ${counted(entries, 'instance')} of ${ofStudies}, ${size(bytes)}, for ${destinations.map(printable).join(', ')}, received ${ago}.`,
    `They were acknowledged to the modality, which may have deleted its own, and no destination has them${maybe}.`,
    'A copy, beforehand: radiotracer queue export DIR, with the same options.',
    '',
  ].join('\n');
}
