/**
 * What makes a clock step harmless. Times are of the wall clock, because they must mean the same to other processes and after a restart; so
 * they can turn out to lie in the future. None is believed to lie further ahead than it could have been set: `reclaimExpired` cuts leases
 * to `maxLeaseMs` from now, and makes due what is due later than `maxDelayMs` from now. A clock that went back by a year costs one lease
 * and no more than `maxDelayMs`. (`rebuild`, at the start of a process, also makes due whatever was never tried, and what was tried last at a time
 * that is still to come.) A clock that went forward makes things due early, and leases end early: the fence keeps the late holder from settling.
 * Of leases in Redis all this is about Redis' clock.
 */
export interface QueueLimits {
  /** Longest lease. Default 15 minutes. */
  readonly maxLeaseMs: number;
  /** Longest time until a retry. Default 24 hours. */
  readonly maxDelayMs: number;
}

export const DEFAULT_LIMITS: QueueLimits = { maxLeaseMs: 15 * 60_000, maxDelayMs: 24 * 3_600_000 };
