import type { EpochMs } from './event.ts';

/** Time as the stories need it; handed in, so that tests own it. */
export interface Clock {
  now(): EpochMs;
  /** Calls once, after the delay; does not keep the process alive. Returns what takes it back. */
  after(delayMs: number, call: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, call) => {
    const timer = setTimeout(call, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
