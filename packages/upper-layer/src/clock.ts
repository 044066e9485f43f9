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

/** The time at which the machine's monotonic clock was 0, by ours. */
let origin = performance.timeOrigin;

const lookEveryMs = 1000;
/** What is less is the same time; what is more is a wrong time, most likely, which we could not come back from. */
const followed = { fromMs: 2000, untilMs: 7 * 86_400_000 };
let lookAtMs = 0;

/** Where the machine has slept, or its time was set forward, ours follows. Never back: times are compared. */
function follow(elapsedMs: number): void {
  lookAtMs = elapsedMs + lookEveryMs;
  const behindMs = Date.now() - (origin + elapsedMs);
  if (behindMs >= followed.fromMs && behindMs < followed.untilMs) origin += behindMs;
}

/** The longest that Node has: what is longer it would call at once. */
const longestTimerMs = 0x7fff_ffff;

/** The machine's time; the timers do not keep the process alive. */
export const systemClock: Clock = {
  now() {
    const elapsedMs = performance.now();
    if (elapsedMs >= lookAtMs) follow(elapsedMs);
    return origin + elapsedMs;
  },
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
