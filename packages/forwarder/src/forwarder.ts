import type { Envelope } from '@radiotracer/instance';
import { QueueUnavailable } from '@radiotracer/queue';
import type { Timer } from '@radiotracer/upper-layer';
import type { DeliveryCounts } from './counts.ts';
import { DestinationDrain } from './destination-drain.ts';
import type { Titles } from './held.ts';
import { defaultTuning, type ForwarderOptions, type ForwarderTuning } from './ports.ts';

/** A snapshot. */
export interface ForwarderStats extends Readonly<DeliveryCounts> {
  readonly destinationId: string;
  readonly openAssociations: number;
}

/**
 * Sends what waits in the spool to where it goes, by the schedule. Whoever puts something into the schedule says so by `wake`; what
 * others put there is found by looking, every `pollMs`.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #tuning: ForwarderTuning;
  readonly #drains: ReadonlyMap<string, DestinationDrain>;
  #timer: Timer | undefined;
  #keeping: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#tuning = { ...defaultTuning, ...options.tuning };
    this.#drains = new Map(options.destinations.map((one) => [one.id, new DestinationDrain(one, options, this.#tuning)]));
  }

  /** The scheduler has rebuilt the schedule by now, if it could be reached; if not, it does so when it can. */
  start(): void {
    if (this.#stopped) return;
    this.#arm();
    for (const drain of this.#drains.values()) drain.start();
  }

  /** This one is new; undefined: there is something new for any destination. */
  wake(instance?: Pick<Envelope, 'destinationId' | keyof Titles>): void {
    if (instance !== undefined) this.#drains.get(instance.destinationId)?.wake(instance);
    else for (const drain of this.#drains.values()) drain.wake();
  }

  stats(): readonly ForwarderStats[] {
    return [...this.#drains].map(([destinationId, drain]) => ({ ...drain.counts, destinationId, openAssociations: drain.lanes }));
  }

  /**
   * Begins nothing more; what is being sent may come to its end until `limitMs` is over (0: not at all), then its association is
   * aborted. Resolves when all of it is settled. Called again it can only be sooner: the shortest limit counts.
   */
  async stop(limitMs: number): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await Promise.all([...this.#drains.values()].map((drain) => drain.stop(limitMs)));
    await this.#keeping;
  }

  #arm(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.setTimer(() => {
      this.#keeping = this.#keep()
        .catch((error: unknown) => {
          // Away again already: the next look says so.
          if (!(error instanceof QueueUnavailable)) this.#options.failed(error);
        })
        .finally(() => this.#arm());
    }, this.#tuning.housekeepingMs);
  }

  async #keep(): Promise<void> {
    const { queue, scheduler, unremoved, clock } = this.#options;
    try {
      await unremoved.keep();
      if (await scheduler.keep()) this.wake();
    } finally {
      // Also where a spool cannot be listed: what a dead process was sending may lie in another.
      if ((await queue.reclaimExpired(Math.trunc(clock.now()))) > 0) this.wake();
    }
  }
}
