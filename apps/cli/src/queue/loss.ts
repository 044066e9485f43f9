import type { QueueEntry } from '@radiotracer/queue';
import { counted, size } from '../lab/figures.ts';
import { printable, span } from './words.ts';

/** What would be lost. */
export interface Loss {
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

/** Of those that `isLost`; undefined: there are none. */
export async function lossOf(
  batches: AsyncIterable<readonly QueueEntry[]>,
  isLost: (entry: QueueEntry) => boolean,
): Promise<Loss | undefined> {
  let [entries, bytes, maybeDelivered, oldestAt, newestAt, lastId] = [0, 0, 0, Number.POSITIVE_INFINITY, 0, ''];
  const studies = new Set<string>();
  const destinations = new Set<string>();
  let areStudiesExact = true;
  for await (const batch of batches) {
    for (const entry of batch) {
      lastId = entry.id;
      if (!isLost(entry)) continue;
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
  const of = { studies: studies.size, areStudiesExact, destinations: [...destinations] };
  return { entries, bytes, ...of, oldestAt, newestAt, maybeDelivered, lastId };
}

/** How many, of what, for whom, and how old. */
export function lossText({ entries, bytes, studies, areStudiesExact, destinations, oldestAt, newestAt }: Loss, now: number): string {
  const ofStudies = `${areStudiesExact ? '' : 'more than '}${counted(studies, 'study', 'studies')}`;
  const [oldest, newest] = [span(Math.max(0, now - oldestAt)), span(Math.max(0, now - newestAt))];
  const ago = oldest === newest ? `${oldest} ago` : `${oldest} to ${newest} ago`;
  return `${counted(entries, 'instance')} of ${ofStudies}, ${size(bytes)}, for ${destinations.map(printable).join(', ')}, received ${ago}`;
}

/** Empty where it is known of all of them that no destination has them. */
export function maybeText({ maybeDelivered }: Loss): string {
  return maybeDelivered === 0 ? '' : ` (${maybeDelivered} may have arrived all the same: their outcome is not known)`;
}
