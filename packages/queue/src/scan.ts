import type { EntryKey, EntryState, QueueEntry } from './entry.ts';
import { matches, type QueueFilter } from './filter.ts';
import type { Home } from './home.ts';
import { compareKeys, compareText } from './position.ts';

export interface ScanStep {
  readonly matching: readonly QueueEntry[];
  /** How many were looked at, and the last of them. */
  readonly read: number;
  readonly last: EntryKey | undefined;
  readonly more: boolean;
}

/** What matches, in order, some at a time; the home's indexes are used for destination, owner, study, state and ids. */
export async function* scan(
  home: Home,
  filter: QueueFilter,
  states: readonly EntryState[],
  after: EntryKey | undefined,
  stepEntries: number,
): AsyncGenerator<ScanStep> {
  if (filter.ids !== undefined) {
    yield* scanIds(home, filter, filter.ids, states, after, stepEntries);
    return;
  }
  const scope = {
    states: filter.state === undefined ? states : states.filter((state) => state === filter.state),
    ...(filter.destinationId === undefined ? {} : { destinationId: filter.destinationId }),
    ...(filter.ownerId === undefined ? {} : { ownerId: filter.ownerId }),
    // Entries without a study are in no study's index.
    ...(filter.studyKey === undefined || filter.studyKey === '' ? {} : { studyKey: filter.studyKey }),
  };
  if (scope.states.length === 0) return;
  let from = after;
  for (;;) {
    const { entries, more } = await home.read(scope, from, stepEntries);
    const last = entries.at(-1);
    const matching = entries.filter((entry) => states.includes(entry.state) && matches(filter, entry));
    yield { matching, read: entries.length, last, more };
    if (!more || last === undefined) return;
    from = last;
  }
}

async function* scanIds(
  home: Home,
  filter: QueueFilter,
  ids: readonly string[],
  states: readonly EntryState[],
  after: EntryKey | undefined,
  stepEntries: number,
): AsyncGenerator<ScanStep> {
  const keys = (await home.places())
    .flatMap(({ destinationId, ownerIds }) => ownerIds.map((ownerId) => ({ destinationId, ownerId })))
    .filter(({ destinationId }) => filter.destinationId === undefined || filter.destinationId === destinationId)
    .filter(({ ownerId }) => filter.ownerId === undefined || filter.ownerId === ownerId)
    .flatMap((place) => [...new Set(ids)].map((id) => ({ ...place, id })))
    .sort(compareKeys)
    .filter((key) => after === undefined || compareKeys(key, after) > 0);
  const { ids: _, ...wanted } = filter;
  for (let at = 0; at < keys.length; at += stepEntries) {
    const step = keys.slice(at, at + stepEntries);
    const found: QueueEntry[] = [];
    for (const some of byDestination(step)) found.push(...(await home.get(some)));
    found.sort(compareKeys);
    const matching = found.filter((entry) => states.includes(entry.state) && matches(wanted, entry));
    yield { matching, read: step.length, last: step.at(-1), more: at + stepEntries < keys.length };
  }
}

/** In order of destinations: what a home does in one step is of one. */
export function byDestination<Key extends EntryKey>(keys: readonly Key[]): readonly (readonly Key[])[] {
  return [...Map.groupBy(keys, ({ destinationId }) => destinationId)]
    .sort(([left], [right]) => compareText(left, right))
    .map(([, some]) => some);
}
