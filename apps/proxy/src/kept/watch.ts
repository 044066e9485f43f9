import type { Queue } from '@radiotracer/queue';
import type { Refusal, Spool } from '@radiotracer/spool';
import type { Publish } from '@radiotracer/telemetry';
import type { Clock, Timer } from '@radiotracer/upper-layer';

export interface WatchOptions {
  readonly spool: Pick<Spool, 'check' | 'usage'>;
  readonly queue: Pick<Queue, 'health'>;
  /** Of the spool; 0: no limit. */
  readonly maxBytes: number;
  readonly publish: Publish;
  /** Told of each broken database of the schedule, where it was put. */
  readonly movedAside: (path: string) => void;
  readonly failed: (error: unknown) => void;
  readonly clock: Clock;
}

const lookEveryMs = 5_000;

/** Looks every few seconds whether the spool takes something new and whether the schedule is there, and tells the changes. */
export class Watch {
  readonly #options: WatchOptions;
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #refusal: Refusal['reason'] | undefined;
  #available = true;
  #movedAside = 0;
  #stopped = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimer(() => {
      this.#looking = this.#look()
        .catch(this.#options.failed)
        .finally(() => {
          if (!this.#stopped) this.#arm();
        });
    }, lookEveryMs);
  }

  async #look(): Promise<void> {
    const { spool, queue, maxBytes, publish, clock } = this.#options;
    const { home, available, movedAside = [] } = await queue.health();
    movedAside.slice(this.#movedAside).forEach(this.#options.movedAside);
    this.#movedAside = movedAside.length;
    if (available !== this.#available) {
      this.#available = available;
      publish({ type: 'queue.availability_changed', at: clock.now(), available, home });
    }
    const reason = (await spool.check())?.reason;
    if (reason === this.#refusal) return;
    this.#refusal = reason;
    const usedBytes = spool.usage.totalBytes;
    publish({ type: 'spool.acceptance_changed', at: clock.now(), accepting: reason === undefined, reason, usedBytes, maxBytes });
  }
}
