/**
 * What an operator's word does, to the schedule and to the spool. The spool is the truth, the schedule can be lost: whatever stops these
 * between their two steps, a rebuild makes of it what was asked for or what was before, and the same command again finishes it.
 *
 *     hold      the schedule first (nobody begins to send it), then the file to held/; the schedule back if that fails
 *     release   the file to waiting/ first, then the schedule
 *     retry     of a dead one: the file to waiting/ first, then the schedule
 *     remove    out of the schedule first, then the file
 *
 * Of what is being sent, `hold` asks for a hold when that has failed, and its file lies in held/ from now on, so that it is held after a
 * rebuild too; the others leave it alone. Of a spool that is out of reach only `retry` of what waits acts on the entries.
 */
import type { NewEntry, Queue, QueueEntry, QueueFilter } from '@radiotracer/queue';
import { SpoolError, type SpoolView } from '@radiotracer/spool';
import { ofSchedule } from './entry-source.ts';
import type { Tally } from './tally.ts';

export interface VerbParts {
  readonly queue: Pick<Queue, 'page' | 'hold' | 'release' | 'retry' | 'remove' | 'add'>;
  /** Those in reach, by owner. */
  readonly spools: ReadonlyMap<string, { readonly view: Pick<SpoolView, 'move' | 'remove'> }>;
  readonly now: () => number;
  readonly tally: Tally;
  /** Told of what is gone, of schedule and spool. */
  readonly removed?: (entries: readonly QueueEntry[]) => Promise<void>;
}

export type VerbName = 'hold' | 'release' | 'retry';

/** Entries of one spool, and that spool. */
interface Batch {
  readonly entries: readonly QueueEntry[];
  readonly view: Pick<SpoolView, 'move' | 'remove'>;
  readonly filter: QueueFilter;
}

/** Files under way at once: they share the syncs of their folders. */
const filesAtOnce = 32;

/** @throws QueueUnavailable: what was done until then stands in the tally */
export async function applyVerb(verb: VerbName, parts: VerbParts, filter: QueueFilter): Promise<void> {
  const act = { hold, release, retry }[verb];
  for await (const entries of ofSchedule(parts.queue)(filter)) {
    parts.tally.found(entries);
    if (verb === 'retry') await retryWaiting(parts, entries, filter);
    const rest = verb === 'retry' ? entries.filter(({ state }) => state !== 'waiting') : entries;
    for (const batch of bySpool(parts, rest, filter)) await act(parts, batch);
    parts.tally.progress();
  }
}

/** No more than `most`: what was told to be lost, and nothing that came since. @throws QueueUnavailable as {@link applyVerb} */
export async function applyRemove(
  parts: VerbParts,
  filter: QueueFilter,
  most: { readonly entries: number; readonly lastId: string },
): Promise<void> {
  const { tally } = parts;
  for await (const all of ofSchedule(parts.queue)(filter)) {
    const entries = all.filter(({ id }) => id <= most.lastId);
    if (entries.length === 0) return;
    tally.found(entries);
    for (const batch of bySpool(parts, entries, filter)) await remove(parts, batch, most.entries - tally.changed);
    tally.progress();
  }
}

async function hold({ queue, tally, now }: VerbParts, { entries, view, filter }: Batch): Promise<void> {
  const toHeld = (entry: QueueEntry) => onFile(tally, entry, () => view.move(entry.id, 'held', ['waiting']));
  // Of a hold that was cut short.
  await eachFile(
    entries.filter(({ state, holdRequested }) => state === 'held' || holdRequested === true),
    toHeld,
  );
  tally.unaffected += entries.filter(({ state, holdRequested }) => state === 'held' || state === 'dead' || holdRequested === true).length;
  const unmoved: QueueEntry[] = [];
  await queue.hold({ ...filter, ...named(entries) }, now(), {
    onChanged: async (changed) => {
      const moved = new Set(await eachFile(changed, toHeld));
      tally.sending += changed.filter(({ state }) => state === 'leased').length;
      tally.changed += [...moved].filter(({ state }) => state === 'held').length;
      unmoved.push(...changed.filter((entry) => !moved.has(entry)));
    },
  });
  // The file decides: the next rebuild would release it, and nobody would be told.
  if (unmoved.length > 0) await queue.release(named(unmoved), now());
}

async function release({ queue, tally, now }: VerbParts, { entries, view, filter }: Batch): Promise<void> {
  const held = entries.filter(({ state, holdRequested }) => state === 'held' || holdRequested === true);
  tally.unaffected += entries.length - held.length;
  const moved = await eachFile(held, (entry) => onFile(tally, entry, () => view.move(entry.id, 'waiting', ['held'])));
  tally.changed += (await queue.release({ ...filter, ...named(moved) }, now())).changed;
}

/** Needs no file. */
async function retryWaiting({ queue, tally, now }: VerbParts, entries: readonly QueueEntry[], filter: QueueFilter): Promise<void> {
  const ids = entries.filter(({ state }) => state === 'waiting').map(({ id }) => id);
  if (ids.length === 0) return;
  const { changed, leased } = await queue.retry({ ...filter, ids, state: 'waiting' }, now());
  tally.changed += changed;
  tally.sending += leased;
}

async function retry({ queue, tally, now }: VerbParts, { entries, view, filter }: Batch): Promise<void> {
  tally.sending += entries.filter(({ state }) => state === 'leased').length;
  tally.unaffected += entries.filter(({ state }) => state === 'held').length;
  const dead = entries.filter(({ state }) => state === 'dead');
  const moved = await eachFile(dead, (entry) => onFile(tally, entry, () => view.move(entry.id, 'waiting', ['dead'])));
  if (moved.length > 0) tally.changed += (await queue.retry({ ...filter, ...named(moved), state: 'dead' }, now())).changed;
}

async function remove({ queue, tally, now, removed }: VerbParts, { entries, view, filter }: Batch, most: number): Promise<void> {
  const atRest = entries.filter(({ state }) => state !== 'leased');
  tally.sending += entries.length - atRest.length;
  const toNothing = async (entry: QueueEntry): Promise<boolean> => {
    try {
      await view.remove(entry.id);
    } catch (error) {
      if (!isUnknown(error)) {
        // It must not lie there unscheduled until somebody starts the proxy anew.
        await queue.add(again(entry));
        tally.fail(entry, error);
        return false;
      }
    }
    tally.changed++;
    return true;
  };
  const { leased } = await queue.remove({ ...filter, ...named(atRest.slice(0, most)) }, now(), {
    onChanged: async (some) => {
      const gone = await eachFile(some, toNothing);
      await removed?.(gone);
    },
  });
  tally.sending += leased;
}

function bySpool({ spools, tally }: VerbParts, entries: readonly QueueEntry[], filter: QueueFilter): readonly Batch[] {
  return [...Map.groupBy(entries, ({ ownerId }) => ownerId)].flatMap(([ownerId, some]) => {
    const spool = spools.get(ownerId);
    if (spool !== undefined) return [{ entries: some, view: spool.view, filter }];
    tally.others += some.length;
    return [];
  });
}

/** These of one owner and no others; of none, none. */
function named(entries: readonly QueueEntry[]): Pick<QueueFilter, 'ids' | 'ownerId'> {
  const [first] = entries;
  return { ids: entries.map(({ id }) => id), ...(first === undefined ? {} : { ownerId: first.ownerId }) };
}

/** True: it is where it was to be. */
async function onFile(tally: Tally, entry: QueueEntry, act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    // What is being sent may be delivered at any time.
    if (isUnknown(error) && entry.state === 'leased') return false;
    if (isUnknown(error)) tally.miss(entry);
    else tally.fail(entry, error);
    return false;
  }
}

function isUnknown(error: unknown): boolean {
  if (!(error instanceof SpoolError)) throw error;
  return error.code === 'unknown-instance';
}

/** @returns those for which it went well */
async function eachFile(entries: readonly QueueEntry[], act: (entry: QueueEntry) => Promise<boolean>): Promise<readonly QueueEntry[]> {
  const went: QueueEntry[] = [];
  for (let at = 0; at < entries.length; at += filesAtOnce) {
    const some = entries.slice(at, at + filesAtOnce);
    const outcomes = await Promise.all(some.map(act));
    went.push(...some.filter((_, index) => outcomes[index]));
  }
  return went;
}

function again({ state, dueAt, lastError, history, attempts, possibleDuplicates, firstAttemptAt, ...facts }: QueueEntry): NewEntry {
  const atRest = state === 'leased' ? 'waiting' : state;
  return { ...facts, state: atRest, dueAt, ...(lastError === undefined ? {} : { lastError }) };
}
