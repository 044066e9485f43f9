import type { Queue, QueueHealth } from '@radiotracer/queue';
import type { Refusal, Spool } from '@radiotracer/spool';
import type { Publish, QueueAvailability } from '@radiotracer/telemetry';
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

/** Looks every few seconds whether the spool takes something new and whether the schedule can be used, and tells the changes. */
export class Watch {
  readonly #options: WatchOptions;
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #refusal: Refusal['reason'] | undefined;
  #available: QueueAvailability | undefined;
  #movedAside = 0;
  #stopped = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#arm();
  }

  /** Of the schedule; undefined: nobody has looked yet. */
  get available(): QueueAvailability | undefined {
    return this.#available;
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
    const health = await queue.health();
    const { home, reason: why, movedAside = [] } = health;
    movedAside.slice(this.#movedAside).forEach(this.#options.movedAside);
    this.#movedAside = movedAside.length;
    const [before, available] = [this.#available ?? 'yes', availabilityOf(health)];
    this.#available = available;
    if (available !== before) publish({ type: 'queue.availability_changed', at: clock.now(), available, reason: why, home });
    const reason = (await spool.check())?.reason;
    if (reason === this.#refusal) return;
    this.#refusal = reason;
    const usedBytes = spool.usage.totalBytes;
    publish({ type: 'spool.acceptance_changed', at: clock.now(), accepting: reason === undefined, reason, usedBytes, maxBytes });
  }
}

function availabilityOf({ available, refuses }: QueueHealth): QueueAvailability {
  if (!available || refuses === 'all') return 'no';
  return refuses === 'new' ? 'full' : 'yes';
}
