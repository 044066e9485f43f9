import type { DestinationCounts, Queue } from '@radiotracer/queue';

/**
 * Of a schedule that one spool has for itself: forgets the entries under ids that the spool had before its `owner-id` was lost. Their files, if
 * they are there, are scheduled under its own; nobody would send, count down or be able to remove them under another.
 * @throws QueueUnavailable
 */
export async function forgetLostOwners(
  queue: Pick<Queue, 'counts' | 'page' | 'reclaimOwned' | 'remove'>,
  ownerId: string,
  now: number,
): Promise<void> {
  while (entriesOf(await queue.counts()) > entriesOf(await queue.counts({ ownerId }))) {
    const lost = await anotherOwner(queue, ownerId);
    if (lost === undefined) return;
    await queue.reclaimOwned(lost, now);
    // One that forgets nothing is not asked for ever: no delivery begins before this has ended.
    if ((await queue.remove({ ownerId: lost }, now)).changed === 0) return;
  }
}

async function anotherOwner(queue: Pick<Queue, 'page'>, ownerId: string): Promise<string | undefined> {
  let page = await queue.page({}, undefined, 1000);
  for (;;) {
    const found = page.entries.find((entry) => entry.ownerId !== ownerId);
    if (found !== undefined || page.next === undefined) return found?.ownerId;
    page = await queue.page({}, page.next, 1000);
  }
}

function entriesOf(counts: readonly DestinationCounts[]): number {
  return counts.flatMap(({ states }) => Object.values(states)).reduce((sum, { entries }) => sum + entries, 0);
}
