/**
 * What was answered and is not settled yet: its file is being removed, its entry ended. Others are sent meanwhile, but only so many: should we be
 * killed, each is a look in vain or a duplicate.
 */
export class Unsettled {
  readonly #max: number;
  readonly #isStuck: () => boolean;
  readonly #tasks = new Set<Promise<void>>();
  #mistake: { readonly error: unknown } | undefined;

  /** `isStuck`: there is no use in having more of them. */
  constructor(max: number, isStuck: () => boolean) {
    this.#max = max;
    this.#isStuck = isStuck;
  }

  get size(): number {
    return this.#tasks.size;
  }

  add(settling: Promise<void>): void {
    const task = settling
      .catch((error: unknown) => {
        this.#mistake ??= { error };
      })
      .finally(() => void this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  /** Resolves when another may be begun. @throws what one of them came to that is a mistake of ours */
  async room(): Promise<void> {
    while (this.#tasks.size > 0 && (this.#tasks.size >= this.#max || this.#isStuck())) await Promise.race(this.#tasks);
    this.#check();
  }

  /** Resolves when none is left. @throws as {@link room} */
  async none(): Promise<void> {
    await this.quiet();
    this.#check();
  }

  /** As {@link none}, and never rejects. */
  async quiet(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  #check(): void {
    const mistake = this.#mistake;
    this.#mistake = undefined;
    if (mistake !== undefined) throw mistake.error;
  }
}
