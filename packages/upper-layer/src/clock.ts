/** Time, handed in so that tests can own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch, with fractions, never going backwards. */
  now(): number;
  setTimer(callback: () => void, delayMs: number): Timer;
}

/** A timer that was set. */
export interface Timer {
  cancel(): void;
}

/** Read once: the getter takes as long as the clock itself. */
const { timeOrigin } = performance;

/** The longest that Node has: what is longer it would call at once. */
const longestTimerMs = 0x7fff_ffff;

/** The machine's time; the timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => timeOrigin + performance.now(),
  setTimer(callback, delayMs) {
    if (delayMs > longestTimerMs) return longTimer(callback, delayMs);
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** One after the other. */
function longTimer(callback: () => void, delayMs: number): Timer {
  let timer = systemClock.setTimer(() => {
    timer = systemClock.setTimer(callback, delayMs - longestTimerMs);
  }, longestTimerMs);
  return { cancel: () => timer.cancel() };
}
