import type { Clock, Timer } from '@radiotracer/upper-layer';

interface SimTimer {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * Simulated time for processes that come and go: `elapsedMs` runs on through all of them, each has a wall clock of its own, and when one
 * ends its timers are gone.
 */
export class SimClock {
  elapsedMs = 0;
  readonly #timers = new Set<SimTimer>();

  /** `wallMs`: what the process' wall clock says now. */
  process(wallMs: number): ProcessClock {
    return new ProcessClock(this, wallMs - this.elapsedMs, this.#timers);
  }

  /** Goes on, calling what falls due on the way, in order, and `settle` after each; ends early when `over`. */
  async advance(byMs: number, settle: () => Promise<void>, over: () => boolean): Promise<void> {
    const until = this.elapsedMs + byMs;
    await settle();
    while (!over()) {
      let next: SimTimer | undefined;
      for (const timer of this.#timers) if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
      if (next === undefined) {
        this.elapsedMs = until;
        return;
      }
      this.#timers.delete(next);
      this.elapsedMs = Math.max(this.elapsedMs, next.at);
      next.callback();
      await settle();
    }
  }
}

export class ProcessClock implements Clock {
  readonly #clock: SimClock;
  readonly #all: Set<SimTimer>;
  readonly #mine = new Set<SimTimer>();
  #offsetMs: number;
  #ended = false;

  constructor(clock: SimClock, offsetMs: number, all: Set<SimTimer>) {
    this.#clock = clock;
    this.#offsetMs = offsetMs;
    this.#all = all;
  }

  now(): number {
    return this.#offsetMs + this.#clock.elapsedMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    if (this.#ended) return { cancel() {} };
    const timer: SimTimer = {
      at: this.#clock.elapsedMs + delayMs,
      callback: () => {
        this.#mine.delete(timer);
        callback();
      },
    };
    this.#all.add(timer);
    this.#mine.add(timer);
    return {
      cancel: () => {
        this.#all.delete(timer);
        this.#mine.delete(timer);
      },
    };
  }

  /** The wall clock goes forward; timers do not follow it. */
  jump(byMs: number): void {
    this.#offsetMs += byMs;
  }

  /** The process has ended. */
  end(): void {
    this.#ended = true;
    for (const timer of this.#mine) this.#all.delete(timer);
    this.#mine.clear();
  }
}
