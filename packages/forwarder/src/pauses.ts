import type { Clock } from '@radiotracer/upper-layer';

/** Waits that all end early, together, when there is no more time. */
export class Pauses {
  readonly #clock: Clock;
  readonly #endings = new Set<() => void>();
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get ended(): boolean {
    return this.#ended;
  }

  async sleep(ms: number): Promise<void> {
    if (this.#ended) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.setTimer(resolve, ms);
    this.#endings.add(resolve);
    await promise;
    timer.cancel();
    this.#endings.delete(resolve);
  }

  end(): void {
    this.#ended = true;
    for (const ending of this.#endings) ending();
  }
}
