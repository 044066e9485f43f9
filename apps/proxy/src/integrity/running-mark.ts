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

  constructor(path: string) {
    this.#path = path;
  }

  /** When the last process was last seen, if it did not end well. Milliseconds since the epoch. */
  left(): number | undefined {
    return statSync(this.#path, { throwIfNoEntry: false })?.mtimeMs;
  }

  /** Now, unless it was a moment ago. @throws the system's error */
  touch(now: number): void {
    if (now - this.#touchedAt < touchEveryMs) return;
    this.#touchedAt = now;
    closeSync(openSync(this.#path, 'a', 0o600));
    utimesSync(this.#path, now / 1000, now / 1000);
  }

  remove(): void {
    this.#touchedAt = 0;
    rmSync(this.#path, { force: true });
  }
}
