/** What was said within the last day, and is not to be said again. */
const againAfterMs = 24 * 3600 * 1000;
/** Some of it comes from peers. */
const maxRemembered = 5000;

export class SaidLately {
  /** When it was said; oldest first. */
  readonly #saidAt = new Map<string, number>();

  /** Whether it is to be said; then it is taken as said. @param at milliseconds since the Unix epoch */
  isNews(what: string, at: number): boolean {
    const saidAt = this.#saidAt.get(what);
    if (saidAt !== undefined && at - saidAt < againAfterMs) return false;
    this.#saidAt.delete(what);
    this.#saidAt.set(what, at);
    for (const oldest of this.#saidAt.keys()) {
      if (this.#saidAt.size <= maxRemembered) break;
      this.#saidAt.delete(oldest);
    }
    return true;
  }
}
