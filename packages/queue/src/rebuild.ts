import { checkedEntry } from './check-entry.ts';
import { type EntryState, keyOf, type NewEntry, type QueueEntry } from './entry.ts';
import type { Home, Place } from './home.ts';
import type { KnownAsTheyAre, RebuildOptions, RebuildResult, SpoolTelling } from './queue.ts';
import { byDestination, scan } from './scan.ts';
import { SeenIds } from './seen-ids.ts';
import { aligned } from './transitions.ts';

/** Few at once: what lives longer than some milliseconds is garbage that V8 takes for old, and a million of them would fill its heap. */
const STEP_ENTRIES = 64;
const AT_REST: readonly EntryState[] = ['waiting', 'held', 'dead'];

/**
 * Two passes. The first tells the home of everything in the spool. The second goes over what the home has of this owner and drops what the
 * first did not see. While they run, instances arrive and leave: the marks that `beginRebuild` counts up part what was touched since, which
 * both passes leave alone. See `Queue.rebuild`.
 */
export async function rebuildHome(
  home: Home,
  ownerId: string,
  spool: AsyncIterable<NewEntry> | SpoolTelling,
  now: number,
  { stillInSpool, onMoved }: RebuildOptions,
): Promise<RebuildResult> {
  const marks = await home.beginRebuild();
  const seen = new Map<string, SeenIds>();
  const result = { seen: 0, added: 0, moved: 0, dropped: 0 };

  let batch: NewEntry[] = [];
  const tell = async () => {
    for (const entries of byDestination(batch)) {
      const mark = marks.get(entries[0]?.destinationId ?? '');
      for (const [at, outcome] of (await home.add(entries, { now, mark })).entries()) {
        if (outcome === 'added') result.added++;
        if (outcome !== 'moved') continue;
        result.moved++;
        onMoved?.(entries[at] as NewEntry);
      }
    }
    batch = [];
  };
  const see = ({ destinationId, id }: Pick<NewEntry, 'destinationId' | 'id'>) => {
    result.seen++;
    const ids = seen.get(destinationId) ?? new SeenIds();
    ids.add(id);
    seen.set(destinationId, ids);
  };
  // Of an empty schedule nothing is asked.
  const places = (await home.places()).filter(({ ownerIds }) => ownerIds.includes(ownerId));
  const known: KnownAsTheyAre = async (ids, state) => {
    const entries = await knownAsTheyAre(home, places, { ownerId, ids, state, now });
    entries.forEach(see);
    return new Set(entries.map(({ id }) => id));
  };
  for await (const found of typeof spool === 'function' ? spool(known) : spool) {
    const entry = checkedEntry(found);
    if (entry.ownerId !== ownerId) throw new RangeError('the spool of one owner has an entry of another');
    see(entry);
    batch.push(entry);
    if (batch.length >= STEP_ENTRIES) await tell();
  }
  await tell();

  for await (const { matching } of scan(home, { ownerId }, AT_REST, undefined, STEP_ENTRIES)) {
    for (const entries of byDestination(matching)) {
      const destinationId = entries[0]?.destinationId ?? '';
      const mark = marks.get(destinationId);
      if (mark === undefined) continue;
      const missing = entries.map(keyOf).filter(({ id }) => seen.get(destinationId)?.has(id) !== true);
      const gone = [];
      for (const key of missing) if ((await stillInSpool?.(key)) !== true) gone.push(key);
      if (gone.length > 0) result.dropped += await home.drop(gone, mark);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return result;
}

interface Asked {
  readonly ownerId: string;
  readonly ids: readonly string[];
  readonly state: NonNullable<NewEntry['state']>;
  readonly now: number;
}

/** Those in which a rebuild would change nothing. */
async function knownAsTheyAre(home: Home, places: readonly Place[], { ownerId, ids, state, now }: Asked): Promise<readonly QueueEntry[]> {
  const found = new Map<string, QueueEntry | 'several'>();
  for (const { destinationId } of places) {
    for (const entry of await home.get(ids.map((id) => ({ destinationId, ownerId, id })))) {
      found.set(entry.id, found.has(entry.id) ? 'several' : entry);
    }
  }
  return [...found.values()].filter(
    (entry) => entry !== 'several' && (entry.state === 'leased' || aligned(entry, { ...entry, state }, now) === undefined),
  ) as QueueEntry[];
}
