import { type Clock, systemClock, type Timer } from '@radiotracer/upper-layer';

/**
 * The system's clock, but for the wait for a response: that is over for all of them as soon as nothing else is being waited for than responses that will
 * never come. However slow a machine is, an answer that comes is in time.
 */
export class SilenceClock implements Clock {
  /** What stands for the wait: no other timer may be so long. */
  readonly responseMs = 86_399_999;
  readonly #waits = new Set<() => void>();
  /** Requests that came whole and are not answered; each has its wait by then. */
  #silences = 0;

  now(): number {
    return systemClock.now();
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    if (delayMs !== this.responseMs) return systemClock.setTimer(callback, delayMs);
    this.#waits.add(callback);
    return {
      cancel: () => {
        if (this.#waits.delete(callback)) setImmediate(() => this.#look());
      },
    };
  }

  /** One is not answered. */
  silence(): void {
    this.#silences++;
    setImmediate(() => this.#look());
  }

  #look(): void {
    if (this.#silences === 0 || this.#waits.size > this.#silences) return;
    const over = [...this.#waits];
    this.#waits.clear();
    this.#silences = 0;
    for (const callback of over) callback();
  }
}
