import { type Titles, titlesKey, titlesOf } from './held.ts';

/** Titles that are remembered. */
const maxTitles = 100;

/**
 * Under which AE titles a destination is asked whether it is there. One may answer some and hang up on others, as if it were down for everybody:
 * those that were accepted last are asked under first, and those that came to nothing after all others.
 */
export class ProbeTitles {
  /** The best is the last. */
  #known: readonly Titles[] = [];

  /** Undefined: there are none yet. */
  get best(): Titles | undefined {
    return this.#known.at(-1);
  }

  /** Something waits under them. */
  seen(titles: Titles): void {
    if (this.#known.length < maxTitles && !this.#known.some((one) => isSame(one, titles))) this.accepted(titles);
  }

  accepted(titles: Titles): void {
    this.#known = [...this.#others(titles), titlesOf(titles)].slice(-maxTitles);
  }

  failed(titles: Titles): void {
    this.#known = [titlesOf(titles), ...this.#others(titles)];
  }

  #others(titles: Titles): readonly Titles[] {
    return this.#known.filter((one) => !isSame(one, titles));
  }
}

function isSame(one: Titles, other: Titles): boolean {
  return titlesKey(one) === titlesKey(other);
}
