import type { Answer } from './messages.ts';

interface Question<What> {
  readonly kind: 'asked';
  readonly number: number;
  readonly what: What;
}

/** Questions to another thread that wait for their answers. */
export class OpenQuestions<What extends string> {
  readonly #post: (question: Question<What>) => void;
  readonly #open = new Map<number, (value: unknown) => void>();
  #number = 0;

  constructor(post: (question: Question<What>) => void) {
    this.#post = post;
  }

  /** Undefined: there is nobody to answer. */
  ask(what: What): Promise<unknown> {
    this.#number += 1;
    const number = this.#number;
    return new Promise((resolve) => {
      this.#open.set(number, resolve);
      this.#post({ kind: 'asked', number, what });
    });
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
