import type { NewEntry } from './entry.ts';
import type { ClaimRequest } from './lease.ts';
import type { QueueLimits } from './limits.ts';
import { keptText } from './transitions.ts';

const idShape = /^[!-~]{1,128}$/;
const maxClaimed = 10_000;

/** The entry as it can be kept everywhere: texts of a peer may hold half characters. @throws RangeError */
export function checkedEntry(entry: NewEntry): NewEntry {
  if (!idShape.test(entry.id)) throw new RangeError('an id is 1 to 128 printable ASCII characters without space');
  checkNames(entry.destinationId, entry.ownerId);
  checkTime('receivedAt', entry.receivedAt);
  if (entry.dueAt !== undefined) checkTime('dueAt', entry.dueAt);
  if (!Number.isSafeInteger(entry.bytes) || entry.bytes < 0) throw new RangeError('bytes is a whole number from 0');
  const { lastError, ...rest } = entry;
  const kept = Object.fromEntries(
    Object.entries(rest)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, typeof value === 'string' ? value.toWellFormed() : value]),
  ) as unknown as NewEntry;
  return lastError === undefined ? kept : { ...kept, lastError: { ...lastError, errorType: keptText(lastError.errorType) } };
}

/** @throws RangeError */
export function checkClaim({ leaseMs, limit, now }: ClaimRequest, limits: QueueLimits): void {
  checkLease(leaseMs, now, limits);
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > maxClaimed) throw new RangeError(`limit is 1 to ${maxClaimed}`);
}

/** @throws RangeError */
export function checkLease(leaseMs: number, now: number, limits: QueueLimits): void {
  checkTime('now', now);
  if (!Number.isSafeInteger(leaseMs) || leaseMs < 1 || leaseMs > limits.maxLeaseMs)
    throw new RangeError(`leaseMs is 1 to ${limits.maxLeaseMs}`);
}

/** Whole milliseconds: fractions would not come back from every home. @throws RangeError */
export function checkTime(name: string, at: number): void {
  if (!Number.isSafeInteger(at) || at < 0 || at > 99_999_999_999_999) throw new RangeError(`${name} is in whole milliseconds since 1970`);
}

function checkNames(...names: string[]): void {
  for (const name of names) {
    if (name === '' || name.length > 200) throw new RangeError('names of destinations and owners have 1 to 200 characters');
  }
}
