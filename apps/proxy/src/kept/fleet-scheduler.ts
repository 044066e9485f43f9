import { join } from 'node:path';
import type { Scheduler } from '@radiotracer/forwarder';
import type { SharedSpool, SpoolView } from '@radiotracer/spool';
import { keptText } from './kept-text.ts';
import { ownerIdFile } from './spool-folder.ts';

export interface FleetSchedulerOptions {
  readonly own: Scheduler;
  readonly spools: Pick<SharedSpool, 'others'>;
  /** Holds the folders of all. */
  readonly root: string;
  readonly schedulerOf: (ownerId: string, view: SpoolView) => Scheduler;
}

/**
 * Keeps the schedule equal to all spools of a shared volume: those of proxies that are down have nobody else who would bring them back
 * after Redis has lost its memory. Two that do it at once do it twice, with one result.
 */
export class FleetScheduler implements Pick<Scheduler, 'keep'> {
  readonly #options: FleetSchedulerOptions;
  readonly #others = new Map<string, Scheduler>();

  constructor(options: FleetSchedulerOptions) {
    this.#options = options;
  }

  async keep(): Promise<boolean> {
    const { own, spools } = this.#options;
    let isRebuilt = await own.keep();
    for (const [name, view] of await spools.others()) {
      const scheduler = await this.#schedulerOf(name, view);
      if (scheduler !== undefined && (await scheduler.keep())) isRebuilt = true;
    }
    return isRebuilt;
  }

  async #schedulerOf(name: string, view: SpoolView): Promise<Scheduler | undefined> {
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
