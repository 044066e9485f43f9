/** What came of asking one destination so far. Times are milliseconds since the epoch. */
export interface VerifyState {
  readonly since: number;
  /** Answers that missed something. */
  readonly attempts: number;
  /** Times it could not be asked, one after the other. */
  readonly failures: number;
  readonly method: 'instances' | 'count';
  /** Undefined: it is over. */
  readonly nextAt?: number;
  readonly outcome?: 'confirmed' | 'confirmed-by-count' | 'lost' | 'short-by-count' | 'unverifiable';
  /** Not there by the last answer; by UIDs, or by count. */
  readonly missing?: number;
  readonly answeredAt?: number;
}
