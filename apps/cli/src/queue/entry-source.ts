/** Entries in order of arrival, some hundred at a time, whether the schedule tells of them or the spool alone. */
import { newEntryOf } from '@radiotracer/forwarder';
import { matches, type PageCursor, type Queue, type QueueEntry, type QueueFilter } from '@radiotracer/queue';
import type { SpoolError, SpoolView } from '@radiotracer/spool';

export type EntrySource = (filter: QueueFilter) => AsyncGenerator<readonly QueueEntry[], void, undefined>;

const batchEntries = 256;

export function ofSchedule(queue: Pick<Queue, 'page'>): EntrySource {
  return async function* (filter) {
    let cursor: PageCursor | undefined;
    do {
      const page = await queue.page(filter, cursor, batchEntries);
      if (page.entries.length > 0) yield page.entries;
      cursor = page.next;
    } while (cursor !== undefined);
  };
}

/**
 * What the files say of themselves: nothing of attempts and errors, and what is being sent waits. Spool by spool and state by state, in
 * each in order of arrival. `failed`: told of what cannot be read.
 */
export function ofSpools(
  spools: Iterable<{ readonly ownerId: string; readonly view: Pick<SpoolView, 'list'> }>,
  failed: (error: SpoolError) => void,
): EntrySource {
  return async function* (filter) {
    let batch: QueueEntry[] = [];
    for (const { ownerId, view } of spools) {
      for await (const { envelope, state } of view.list(failed)) {
        const { lastError, ...facts } = newEntryOf(envelope, ownerId, state);
        const entry: QueueEntry = { ...facts, state, dueAt: facts.receivedAt, attempts: 0, possibleDuplicates: 0, history: [] };
        if (!matches(filter, entry)) continue;
        batch.push(entry);
        if (batch.length < batchEntries) continue;
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  };
}
