export type UnavailableCode =
  /** Not connected, or the connection broke. */
  | 'disconnected'
  /** No answer in time; it may have been done all the same. */
  | 'timeout'
  /** Too many requests are under way already. */
  | 'overloaded'
  /** The home takes no writes: a replica, no memory, no disk space, not permitted. */
  | 'refused'
  /** The home is starting or failing over. */
  | 'not-ready'
  /** Another process holds the database. */
  | 'busy'
  /** The file is no database, or a broken one. */
  | 'corrupt'
  /** Made by a later version. */
  | 'newer-schema'
  | 'closed';

/**
 * The schedule cannot be had now. Nothing is lost by it: the spool has the instances, and a rebuild brings the schedule back. Except for
 * `timeout` and `disconnected`, where nobody knows, nothing has been changed.
 */
export class QueueUnavailable extends Error {
  override readonly name = 'QueueUnavailable';
  readonly code: UnavailableCode;

  constructor(code: UnavailableCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** For those who ask how a home is, and must not be thrown at. */
export function whyNot(error: unknown): { readonly reason: string; readonly error: string } {
  return {
    reason: error instanceof QueueUnavailable ? error.code : 'internal',
    error: error instanceof Error ? error.message : String(error),
  };
}

/**
 * The lease is not in force any more; nothing has been changed. `gone`: the entry is not in the schedule. `stale`: the entry is there, and
 * not under this lease. Whoever has delivered it still removes the file from the spool: that is the truth, and the schedule follows.
 */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
  readonly code = 'lease_lost';
  readonly reason: 'gone' | 'stale';

  constructor(reason: 'gone' | 'stale') {
    super(reason === 'gone' ? 'the entry is not in the schedule any more' : 'the entry is not under this lease any more');
    this.reason = reason;
  }
}
