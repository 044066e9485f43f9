import type { Clock, Timer } from '@radiotracer/upper-layer';
import type { Patience, ResponseLimits } from './operation-log.ts';

export interface ResponseWatchOptions {
  readonly clock: Clock;
  /** Milliseconds; 0: none. */
  readonly limits: ResponseLimits;
  /** Since when it takes nothing of what there is for it (ms since the epoch); undefined: it does. */
  readonly stalledSince: () => number | undefined;
  /** When patience ends, by what is owed; undefined: nothing is. */
  readonly patienceEnds: (limits: ResponseLimits, stalledSince: number | undefined) => Patience | undefined;
  /** Called once. */
  readonly timedOut: (by: Patience['by']) => void;
}

/** Gives up a destination that does not answer, or does not read, for so long; or a modality that does not answer a destination. */
export class ResponseWatch {
  readonly #options: ResponseWatchOptions;
  readonly #shortestMs: number;
  #timer: Timer | undefined;
  #dueAt = 0;

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
    this.#dueAt = this.#options.clock.now() + ms;
    this.#timer = this.#options.clock.setTimer(() => this.#look(), ms);
  }

  #look(): void {
    const { clock, limits, stalledSince, patienceEnds, timedOut } = this.#options;
    const now = clock.now();
    const since = stalledSince();
    const { endsAt, by } = patienceEnds(limits, since) ?? { endsAt: now + this.#shortestMs, by: 'destination' };
    // One that takes its bytes slowly is seen to take them.
    const lookAgainMs = since === undefined ? this.#shortestMs : this.#shortestMs / 8;
    // The machine slept, or its time was set: that is no time in which it could answer, or be heard.
    if (now - this.#dueAt > this.#shortestMs) this.#lookIn(this.#shortestMs);
    else if (endsAt <= now) timedOut(by);
    else this.#lookIn(Math.min(endsAt - now, lookAgainMs));
  }
}
