import type { Answer } from './messages.ts';

interface Question<What> {
  readonly kind: 'asked';
  readonly number: number;
  readonly what: What;
}

/** More than the longest of what is asked, the export of all that waits. */
const patienceMs = 10_000;

/** Questions to another thread that wait for their answers. */
export class OpenQuestions<What extends string> {
  readonly #post: (question: Question<What>) => void;
  readonly #open = new Map<number, (value: unknown) => void>();
  #number = 0;

  constructor(post: (question: Question<What>) => void) {
    this.#post = post;
  }

  /** Undefined: there is nobody to answer, or not in time. */
  ask(what: What): Promise<unknown> {
    this.#number += 1;
    const number = this.#number;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    // Whoever scrapes asks again and again, also of one that hangs.
    const late = setTimeout(() => this.answered({ kind: 'answer', number, value: undefined }), patienceMs).unref();
    this.#open.set(number, (value) => {
      clearTimeout(late);
      resolve(value);
    });
    this.#post({ kind: 'asked', number, what });
    return promise;
  }

  answered({ number, value }: Answer): void {
    this.#open.get(number)?.(value);
    this.#open.delete(number);
  }

  /** Nobody will answer. */
  drop(): void {
    for (const resolve of this.#open.values()) resolve(undefined);
    this.#open.clear();
  }
}
