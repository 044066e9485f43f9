/**
 * How many instance spans one trace may have. Past the limit only what is worth telling goes in (errors, warnings, slow ones), and
 * one in N of the rest, chosen by the instance's hash so that every node chooses the same.
 */
export class SpanBudget {
  #spans = 0;
  #omitted = 0;
  readonly #maxSpans: number;
  readonly #keepOneIn: number;

  /**
   * @param maxSpans 0: no limit
   * @param keepOneIn 0: no sample
   */
  constructor(maxSpans: number, keepOneIn: number) {
    this.#maxSpans = maxSpans;
    this.#keepOneIn = keepOneIn;
  }

  /** Spans that were left out so far. */
  get omitted(): number {
    return this.#omitted;
  }

  /** Whether an instance with so many spans is told. `hash`: hexadecimal digits, asked for past the limit only; undefined is never sampled. */
  admit(spans: number, worthTelling: boolean, hash: () => string | undefined): boolean {
    const fits = this.#maxSpans === 0 || this.#spans + spans <= this.#maxSpans;
    if (fits || worthTelling || this.#isSampled(hash())) {
      this.#spans += spans;
      return true;
    }
    this.#omitted += spans;
    return false;
  }

  #isSampled(hash: string | undefined): boolean {
    return hash !== undefined && this.#keepOneIn > 0 && Number.parseInt(hash.slice(0, 8), 16) % this.#keepOneIn === 0;
  }
}
