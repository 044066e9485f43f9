import type { RetryConfig } from '@radiotracer/config';
import { backoffMs } from './backoff.ts';

/** How long something is left in peace after it failed, and how often it has failed in a row. */
export class Rest {
  readonly #retry: RetryConfig;
  readonly #random: () => number;
  #failures = 0;
  #until = 0;

  constructor(retry: RetryConfig, random: () => number) {
    this.#retry = retry;
    this.#random = random;
  }

  /** Not before. */
  get until(): number {
    return this.#until;
  }

  /** Since it last did something useful. */
  get failures(): number {
    return this.#failures;
  }

  failed(now: number): void {
    this.#failures++;
    this.#until = Math.max(this.#until, Math.trunc(now) + backoffMs(this.#retry, this.#failures, this.#random));
  }

  /** It did something useful: what it failed before is forgotten, not a rest that was given since. */
  worked(): void {
    this.#failures = 0;
  }

  /** It may be tried now; should it fail again, the next rest is longer than the last. */
  end(): void {
    this.#until = 0;
  }
}
