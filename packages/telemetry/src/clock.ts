import type { EpochMs } from './event.ts';

/** Time as the stories need it; handed in, so that tests own it. */
export interface Clock {
  now(): EpochMs;
  /** Calls once, after the delay, or after 24 days of it; does not keep the process alive. Returns what takes it back. */
  after(delayMs: number, call: () => void): () => void;
}

/** The longest that Node has: what is longer it would call at once. */
const longestTimerMs = 0x7fff_ffff;

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, call) => {
    const timer = setTimeout(call, Math.min(delayMs, longestTimerMs)).unref();
    return () => clearTimeout(timer);
  },
};
