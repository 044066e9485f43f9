import type { Clock, Timer } from '@radiotracer/upper-layer';
import type { ResponseLimits } from './operation-log.ts';

export interface ResponseWatchOptions {
  readonly clock: Clock;
  /** Milliseconds; 0: none. */
  readonly limits: ResponseLimits;
  /** Since when it takes nothing of what there is for it (ms since the epoch); undefined: it does. */
  readonly stalledSince: () => number | undefined;
  /** When patience with it ends, by what it owes; undefined: it owes nothing. */
  readonly patienceEnds: (limits: ResponseLimits, stalledSince: number | undefined) => number | undefined;
  /** Called once. */
  readonly timedOut: () => void;
}

/** Gives up a destination that does not answer, or does not read, for so long. */
export class ResponseWatch {
  readonly #options: ResponseWatchOptions;
  readonly #shortestMs: number;
  #timer: Timer | undefined;

  constructor(options: ResponseWatchOptions) {
    this.#options = options;
    const { dimseResponseMs, storeResponseMs } = options.limits;
    this.#shortestMs = Math.min(...[dimseResponseMs, storeResponseMs].filter((limitMs) => limitMs > 0));
    if (this.#shortestMs !== Number.POSITIVE_INFINITY) this.#lookIn(this.#shortestMs);
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  #lookIn(ms: number): void {
    this.#timer = this.#options.clock.setTimer(() => this.#look(), ms);
  }

  #look(): void {
    const { clock, limits, stalledSince, patienceEnds, timedOut } = this.#options;
    const now = clock.now();
    const since = stalledSince();
    const endsAt = patienceEnds(limits, since) ?? now + this.#shortestMs;
    // One that takes its bytes slowly is seen to take them.
    const lookAgainMs = since === undefined ? this.#shortestMs : this.#shortestMs / 8;
    if (endsAt <= now) timedOut();
    else this.#lookIn(Math.min(endsAt - now, lookAgainMs));
  }
}
