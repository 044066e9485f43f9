import type { RetryConfig } from '@radiotracer/config';
import { type Titles, titlesKey } from './held.ts';
import { Rest } from './rest.ts';

/** Titles that came to nothing and are remembered. */
const maxTitles = 1000;

/** Until when nothing is tried under AE titles that a destination has rejected, or hung up on. */
export class TitleRests {
  readonly #retry: RetryConfig;
  readonly #random: () => number;
  readonly #rests = new Map<string, Rest>();

  constructor(retry: RetryConfig, random: () => number) {
    this.#retry = retry;
    this.#random = random;
  }

  /** 0: at once. */
  until(titles: Titles, now: number): number {
    const until = this.#rests.get(titlesKey(titles))?.until ?? 0;
    return until > now ? until : 0;
  }

  /** @returns not before */
  failed(titles: Titles, now: number): number {
    const key = titlesKey(titles);
    const rest = this.#rests.get(key) ?? new Rest(this.#retry, this.#random);
    rest.failed(now);
    if (this.#rests.size < maxTitles) this.#rests.set(key, rest);
    return rest.until;
  }

  /**
   * They are wanted again. A rest that was given meanwhile, to another association of ours, is kept: what was given back waits for its
   * end, and what came after that, of the same study, must not be sent before.
   */
  accepted(titles: Titles, now: number): void {
    const key = titlesKey(titles);
    if (this.until(titles, now) > 0) this.#rests.get(key)?.worked();
    else this.#rests.delete(key);
  }
}
