/** What came of asking one destination so far. Times are milliseconds since the epoch. */
export interface VerifyState {
  readonly since: number;
  /** Answers that missed something. */
  readonly attempts: number;
  /** Times it could not be asked, or was not, one after the other. */
  readonly failures: number;
  /** It was not asked the last time, because instances are on their way to it. */
  readonly isOwed?: true;
  readonly method: 'commitment' | 'instances' | 'count';
  /** Undefined: it is over. What is lost may be found yet. */
  readonly nextAt?: number;
  readonly outcome?: 'confirmed' | 'confirmed-by-count' | 'lost' | 'short-by-count' | 'unverifiable';
  /** Not there by the last answer; by UIDs, or by count. */
  readonly missing?: number;
  readonly answeredAt?: number;
  /** Of a destination that is, or was, asked for storage commitment. */
  readonly commitment?: CommitmentState;
}

/** What came of asking one destination for storage commitment of what it got from the spool. */
export interface CommitmentState {
  /** The request whose report is waited for. */
  readonly waiting?: { readonly transactionUid: string; readonly askedAt: number; readonly instances: number };
  /** Since when each instance is asked about once; who is missing is asked about again in the next round. */
  readonly roundAt: number;
  /** Rounds in which something was not there. */
  readonly rounds: number;
  /** Requests that were not taken, or whose report did not come. */
  readonly unreported: number;
  /** Instances, so far. */
  readonly committed: number;
  /** Not kept for another reason than that it has them not. */
  readonly refused: number;
  /** How it ended; undefined: it is under way. */
  readonly outcome?: 'committed' | 'refused' | 'missing' | 'unreported' | 'unsupported';
}
