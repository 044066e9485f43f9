import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** Node's monitor measures how far apart its own timer's turns are, so this much of each value is no delay. */
const resolutionMs = 20;

/** Several readers ask at different times; what was measured is thrown away no more often than this. */
const freshMs = 5000;

/** Event loop delay of a thread since the last look. */
export interface LoopDelay {
  readonly meanSeconds: number;
  readonly stddevSeconds: number;
  readonly minSeconds: number;
  readonly p50Seconds: number;
  readonly p90Seconds: number;
  readonly p99Seconds: number;
  readonly maxSeconds: number;
  /** Share of the time in which the event loop was not idle. */
  readonly utilization: number;
}

/** Measures the thread that it is made in. */
export class LoopWatch {
  readonly #delay = monitorEventLoopDelay({ resolution: resolutionMs });
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();
  #seenAt = performance.now();
  #seen: LoopDelay | undefined;

  constructor() {
    this.#delay.enable();
  }

  look(): LoopDelay {
    if (this.#seen !== undefined && performance.now() - this.#seenAt < freshMs) return this.#seen;
    const delay = this.#delay;
    const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000) || 0;
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization);
    this.#seen = {
      meanSeconds: seconds(delay.mean),
      stddevSeconds: delay.stddev / 1e9 || 0,
      minSeconds: delay.count === 0 ? 0 : seconds(delay.min),
      p50Seconds: seconds(delay.percentile(50)),
      p90Seconds: seconds(delay.percentile(90)),
      p99Seconds: seconds(delay.percentile(99)),
      maxSeconds: seconds(delay.max),
      utilization,
    };
    this.#utilization = now;
    this.#seenAt = performance.now();
    delay.reset();
    return this.#seen;
  }

  end(): void {
    this.#delay.disable();
  }
}
