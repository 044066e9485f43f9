/** Keys that this process has written not long ago: one that is not there any more was emptied away under it. Bounded; the oldest go first. */
export class RecentKeys {
  readonly #max: number;
  readonly #keepMs: number;
  /** In order of their last write. */
  readonly #writtenAt = new Map<string, number>();

  constructor(max: number, keepMs: number) {
    this.#max = max;
    this.#keepMs = keepMs;
  }

  add(key: string, now: number): void {
    this.#writtenAt.delete(key);
    this.#writtenAt.set(key, now);
    if (this.#writtenAt.size <= this.#max) return;
    for (const oldest of this.#writtenAt.keys()) {
      this.#writtenAt.delete(oldest);
      break;
    }
  }

  has(key: string, now: number): boolean {
    const at = this.#writtenAt.get(key);
    return at !== undefined && now - at < this.#keepMs;
  }
}
