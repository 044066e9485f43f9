import type { QueueEntry } from '@radiotracer/queue';
import { iso, statusText } from './words.ts';

/** An entry for a program: times in ISO 8601, a DIMSE status as four hexadecimal digits, null for what is not known. */
export function entryJson(entry: QueueEntry) {
  const { lastError, lease } = entry;
  return {
    id: entry.id,
    state: entry.state,
    destination: entry.destinationId,
    owner: entry.ownerId,
    studyInstanceUid: entry.studyKey === '' ? null : entry.studyKey,
    seriesInstanceUid: entry.seriesKey ?? null,
    sopInstanceUid: entry.sopInstanceUid,
    sopClassUid: entry.sopClassUid,
    transferSyntaxUid: entry.transferSyntaxUid,
    modality: entry.modality ?? null,
    callingAet: entry.callingAeTitle,
    bytes: entry.bytes,
    receivedAt: iso(entry.receivedAt),
    dueAt: entry.state === 'waiting' ? iso(entry.dueAt) : null,
    attempts: entry.attempts,
    firstAttemptAt: orNull(entry.firstAttemptAt),
    lastError:
      lastError === undefined
        ? null
        : {
            at: iso(lastError.at),
            type: lastError.errorType,
            status: lastError.status === undefined ? null : statusText(lastError.status),
          },
    possibleDuplicates: entry.possibleDuplicates,
    holdRequested: entry.holdRequested === true,
    lease: lease === undefined ? null : { holder: lease.holder, claimedAt: iso(lease.claimedAt), expiresAt: iso(lease.expiresAt) },
  };
}

export function historyJson({ history }: QueueEntry) {
  return history.map(({ at, what, why }) => ({ at: iso(at), what, why: why ?? null }));
}

function orNull(at: number | undefined): string | null {
  return at === undefined ? null : iso(at);
}
