/** Where an entry of the schedule stands. What was delivered has no entry. */
export type EntryState = 'waiting' | 'leased' | 'held' | 'dead';

export const ENTRY_STATES: readonly EntryState[] = ['waiting', 'leased', 'held', 'dead'];

/** What names an entry. Ids of two spools may meet, and so may those of two destinations: all three together are unique. */
export interface EntryKey {
  readonly destinationId: string;
  /** Which spool holds the file: a proxy's own, or one that several share. */
  readonly ownerId: string;
  /** The spool's id: 1 to 128 printable ASCII characters without space, and ids sort by arrival. */
  readonly id: string;
}

/**
 * What the schedule knows of an instance. No name, no patient id. The instance UIDs are identifying all the same (whoever has the PACS
 * finds the patient by them): they stay in the site's own store, and must not go into telemetry from here.
 */
export interface EntryFacts extends EntryKey {
  /**
   * Study Instance UID (0020,000D), or empty if it is not known. Keeps a study together when it is sent, and lets an operator act on one.
   * An entry without one is a study of its own.
   */
  readonly studyKey: string;
  /** Series Instance UID (0020,000E) */
  readonly seriesKey?: string;
  /** (0008,0018) */
  readonly sopInstanceUid: string;
  /** (0008,0016) */
  readonly sopClassUid: string;
  /** (0002,0010) */
  readonly transferSyntaxUid: string;
  readonly callingAeTitle: string;
  /** (0008,0060) */
  readonly modality?: string;
  /** Size of the file or of the data set, as the spool counts. */
  readonly bytes: number;
  /** Milliseconds since 1970, like every `…At`. */
  readonly receivedAt: number;
}

/** What is put into the schedule: as it stands in the spool. */
export interface NewEntry extends EntryFacts {
  /** Default `waiting`. */
  readonly state?: 'waiting' | 'held' | 'dead';
  /** Default: when it was received, so that it is due at once and older ones come first. */
  readonly dueAt?: number;
  readonly lastError?: AttemptError;
}

export interface AttemptError {
  readonly at: number;
  /** A stable code, such as `association_rejected`; at most 200 characters. */
  readonly errorType: string;
  /** The DIMSE status of the answer, if there was one. */
  readonly status?: number;
}

export interface HistoryEvent {
  readonly at: number;
  readonly what: 'rebuilt' | 'unsent' | 'retry' | 'dead' | 'held' | 'lease-expired' | 'retry-now' | 'released';
  /** An error code or a sentence without patient data; at most 200 characters. */
  readonly why?: string;
}

/** The newest events are kept. */
export const MAX_HISTORY_EVENTS = 20;

export interface EntryLease {
  /** See {@link Lease}. */
  readonly token: string;
  readonly holder: string;
  readonly claimedAt: number;
  readonly expiresAt: number;
}

export interface QueueEntry extends EntryFacts {
  readonly state: EntryState;
  /** Not sent before this. Kept while held, so that a released entry has its old place. */
  readonly dueAt: number;
  /** Attempts that ended without delivery, since the start or since an operator brought it back from the dead. */
  readonly attempts: number;
  /** When the first of these attempts was claimed: where a retry budget in time starts. */
  readonly firstAttemptAt?: number;
  readonly lastError?: AttemptError;
  /** Attempts whose outcome nobody knows: the destination may have it already. An upper bound. */
  readonly possibleDuplicates: number;
  /** Oldest first; empty until something happened to it beyond waiting. */
  readonly history: readonly HistoryEvent[];
  /** Only while leased. */
  readonly lease?: EntryLease;
  /** Leased, and somebody asked for a hold: it is held as soon as the lease ends without delivery. */
  readonly holdRequested?: true;
}

/** An entry's key alone. */
export function keyOf({ destinationId, ownerId, id }: EntryKey): EntryKey {
  return { destinationId, ownerId, id };
}
