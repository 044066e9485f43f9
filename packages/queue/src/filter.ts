import type { EntryState, QueueEntry } from './entry.ts';

/** All that is given must hold; an empty filter means every entry. */
export interface QueueFilter {
  readonly ids?: readonly string[];
  readonly destinationId?: string;
  readonly ownerId?: string;
  readonly studyKey?: string;
  readonly sopInstanceUid?: string;
  readonly state?: EntryState;
  /** Of the last error. */
  readonly errorType?: string;
  /** Received before this time. */
  readonly olderThan?: number;
  readonly modality?: string;
  readonly callingAeTitle?: string;
}

export function matches(filter: QueueFilter, entry: QueueEntry): boolean {
  return (
    (filter.ids === undefined || filter.ids.includes(entry.id)) &&
    (filter.destinationId === undefined || filter.destinationId === entry.destinationId) &&
    (filter.ownerId === undefined || filter.ownerId === entry.ownerId) &&
    (filter.studyKey === undefined || filter.studyKey === entry.studyKey) &&
    (filter.sopInstanceUid === undefined || filter.sopInstanceUid === entry.sopInstanceUid) &&
    (filter.state === undefined || filter.state === entry.state) &&
    (filter.errorType === undefined || filter.errorType === entry.lastError?.errorType) &&
    (filter.olderThan === undefined || entry.receivedAt < filter.olderThan) &&
    (filter.modality === undefined || filter.modality === entry.modality) &&
    (filter.callingAeTitle === undefined || filter.callingAeTitle === entry.callingAeTitle)
  );
}
