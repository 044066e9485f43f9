import { join } from 'node:path';
import type { Scheduler } from '@radiotracer/forwarder';
import { QueueUnavailable } from '@radiotracer/queue';
import type { SharedSpool, SpoolView } from '@radiotracer/spool';
import { keptText } from './kept-text.ts';
import { ownerIdFile } from './spool-folder.ts';

export interface FleetSchedulerOptions {
  readonly own: Pick<Scheduler, 'keep'>;
  readonly spools: Pick<SharedSpool, 'others'>;
  /** Holds the folders of all. */
  readonly root: string;
  readonly schedulerOf: (ownerId: string, view: SpoolView) => Pick<Scheduler, 'keep'>;
  /** Told of a part of the volume that cannot be looked at, or read: the others are looked after all the same. */
  readonly failed: (error: unknown) => void;
}

/**
 * Keeps the schedule equal to all spools of a shared volume: those of proxies that are down have nobody else who would bring them back
 * after Redis has lost its memory. Two that do it at once do it twice, with one result.
 */
export class FleetScheduler implements Pick<Scheduler, 'keep'> {
  readonly #options: FleetSchedulerOptions;
  readonly #others = new Map<string, Pick<Scheduler, 'keep'>>();

  constructor(options: FleetSchedulerOptions) {
    this.#options = options;
  }

  async keep(): Promise<boolean> {
    const { own, spools, failed } = this.#options;
    let isRebuilt = await this.#keep(async () => own);
    for (const [name, view] of await spools.others(failed)) {
      if (await this.#keep(() => this.#schedulerOf(name, view))) isRebuilt = true;
    }
    return isRebuilt;
  }

  async #keep(schedulerOf: () => Promise<Pick<Scheduler, 'keep'> | undefined>): Promise<boolean> {
    try {
      return (await (await schedulerOf())?.keep()) ?? false;
    } catch (error) {
      // One schedule for all of them.
      if (error instanceof QueueUnavailable) throw error;
      this.#options.failed(error);
      return false;
    }
  }

  async #schedulerOf(name: string, view: SpoolView): Promise<Pick<Scheduler, 'keep'> | undefined> {
    const known = this.#others.get(name);
    if (known !== undefined) return known;
    const { root, schedulerOf } = this.#options;
    const ownerId = await keptText(ownerIdFile(join(root, name))).read();
    if (ownerId === undefined) return undefined;
    const scheduler = schedulerOf(ownerId, view);
    this.#others.set(name, scheduler);
    return scheduler;
  }
}
