import { closeSync, openSync, rmSync, statSync, utimesSync } from 'node:fs';

/** Between two touches; a write of the ledger takes longer. */
const touchEveryMs = 500;

/**
 * A file that is there while something is written to the ledger and what comes next may not be: a process that is killed leaves it behind,
 * and its time says when it still lived.
 */
export class RunningMark {
  readonly #path: string;
  #touchedAt = 0;
  #isFailing = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** When the last process was last seen, if it did not end well. Milliseconds since the epoch. */
  left(): number | undefined {
    return statSync(this.#path, { throwIfNoEntry: false })?.mtimeMs;
  }

  /** Now, unless it was a moment ago. @throws the system's error, and not again until it has gone well */
  touch(now: number): void {
    if (Math.abs(now - this.#touchedAt) < touchEveryMs) return;
    this.#touchedAt = now;
    try {
      closeSync(openSync(this.#path, 'a', 0o600));
      utimesSync(this.#path, now / 1000, now / 1000);
      this.#isFailing = false;
    } catch (error) {
      if (this.#isFailing) return;
      this.#isFailing = true;
      throw error;
    }
  }

  remove(): void {
    this.#touchedAt = 0;
    rmSync(this.#path, { force: true });
  }
}
