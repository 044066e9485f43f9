import type { AttemptError, EntryKey, EntryState, HistoryEvent, QueueEntry } from './entry.ts';

/**
 * An entry as Redis and SQLite keep it: JSON with short names (a million of them lie in memory), without its key. Absent is never null, and
 * an empty history is absent: Lua's JSON knows neither null nor the empty array as we do.
 */
interface EntryRecord {
  readonly st: EntryState;
  /** dueAt */
  readonly du: number;
  /** attempts */
  readonly n: number;
  /** firstAttemptAt */
  readonly fa?: number;
  /** lastError */
  readonly le?: AttemptError;
  /** possibleDuplicates */
  readonly pd: number;
  readonly h?: readonly HistoryEvent[];
  /** holdRequested */
  readonly hr?: true;
  /** Lease: token, holder, claimedAt, expiresAt. All or none. */
  readonly lt?: string;
  readonly lh?: string;
  readonly lc?: number;
  readonly lx?: number;
  readonly k: string;
  readonly s?: string;
  readonly u: string;
  readonly c: string;
  readonly t: string;
  readonly a: string;
  readonly m?: string;
  readonly b: number;
  readonly r: number;
  /** The destination's mark when it was last written. */
  readonly mk?: number;
}

export function encodeRecord(entry: QueueEntry, mark?: number): string {
  const record: { [Name in keyof EntryRecord]: EntryRecord[Name] | undefined } = {
    st: entry.state,
    du: entry.dueAt,
    n: entry.attempts,
    fa: entry.firstAttemptAt,
    le: entry.lastError,
    pd: entry.possibleDuplicates,
    h: entry.history.length === 0 ? undefined : entry.history,
    hr: entry.holdRequested,
    lt: entry.lease?.token,
    lh: entry.lease?.holder,
    lc: entry.lease?.claimedAt,
    lx: entry.lease?.expiresAt,
    k: entry.studyKey,
    s: entry.seriesKey,
    u: entry.sopInstanceUid,
    c: entry.sopClassUid,
    t: entry.transferSyntaxUid,
    a: entry.callingAeTitle,
    m: entry.modality,
    b: entry.bytes,
    r: entry.receivedAt,
    mk: mark,
  };
  return JSON.stringify(record);
}

export function decodeRecord({ destinationId, ownerId, id }: EntryKey, json: string): QueueEntry {
  const record = JSON.parse(json) as EntryRecord;
  const { lt, lh, lc, lx } = record;
  return {
    destinationId,
    ownerId,
    id,
    studyKey: record.k,
    ...(record.s === undefined ? {} : { seriesKey: record.s }),
    sopInstanceUid: record.u,
    sopClassUid: record.c,
    transferSyntaxUid: record.t,
    callingAeTitle: record.a,
    ...(record.m === undefined ? {} : { modality: record.m }),
    bytes: record.b,
    receivedAt: record.r,
    state: record.st,
    dueAt: record.du,
    attempts: record.n,
    ...(record.fa === undefined ? {} : { firstAttemptAt: record.fa }),
    ...(record.le === undefined ? {} : { lastError: record.le }),
    possibleDuplicates: record.pd,
    history: record.h ?? [],
    ...(lt === undefined || lh === undefined || lc === undefined || lx === undefined
      ? {}
      : { lease: { token: lt, holder: lh, claimedAt: lc, expiresAt: lx } }),
    ...(record.hr === undefined ? {} : { holdRequested: record.hr }),
  };
}

/** The mark it was written with. */
export function markOf(json: string): number {
  return (JSON.parse(json) as EntryRecord).mk ?? 0;
}
