import { join } from 'node:path';
import type { Scheduler } from '@radiotracer/forwarder';
import { type Queue, QueueUnavailable } from '@radiotracer/queue';
import type { SharedSpool, SpoolView } from '@radiotracer/spool';
import { keptText } from './kept-text.ts';
import { ownerIdFile } from './spool-folder.ts';

type Keeper = Pick<Scheduler, 'keep' | 'doubt' | 'stop'>;

export interface FleetSchedulerOptions {
  readonly own: Pick<Scheduler, 'keep' | 'stop'>;
  readonly ownerId: string;
  readonly queue: Pick<Queue, 'isPresent'>;
  readonly spools: Pick<SharedSpool, 'others'>;
  /** Holds the folders of all. */
  readonly root: string;
  readonly schedulerOf: (ownerId: string, view: SpoolView) => Keeper;
  /** Told of a part of the volume that cannot be looked at, or read: the others are looked after all the same. */
  readonly failed: (error: unknown) => void;
}

interface Other {
  readonly ownerId: string;
  readonly scheduler: Keeper;
}

/**
 * Keeps the schedule equal to all spools of a shared volume: those of proxies that are down have nobody else who would bring them back
 * after Redis has lost its memory, or who would tell it of what they had kept last. Two that do it at once do it twice, with one result.
 */
export class FleetScheduler implements Pick<Scheduler, 'keep' | 'stop'> {
  readonly #options: FleetSchedulerOptions;
  readonly #others = new Map<string, Other>();
  #stopped = false;

  constructor(options: FleetSchedulerOptions) {
    this.#options = options;
  }

  /**
   * Of the spools that are in reach. What the schedule has of others waits in spools of their own: whoever looked for it here would take it for gone,
   * and out of the schedule.
   */
  get ownerIds(): readonly string[] {
    return [this.#options.ownerId, ...[...this.#others.values()].map(({ ownerId }) => ownerId)];
  }

  /** Looks which spools there are, as `keep` does. Never rejects. */
  async look(): Promise<void> {
    const { spools, failed } = this.#options;
    try {
      for (const [name, view] of await spools.others(failed)) await this.#other(name, view).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  async keep(): Promise<boolean> {
    const { own, spools, failed } = this.#options;
    let isRebuilt = await this.#keep(() => own.keep());
    for (const [name, view] of await spools.others(failed)) {
      if (this.#stopped) break;
      if (await this.#keep(() => this.#keepOther(name, view))) isRebuilt = true;
    }
    return isRebuilt;
  }

  /** As of one: what is under way ends soon, and nothing is begun. */
  stop(): void {
    this.#stopped = true;
    this.#options.own.stop();
    for (const { scheduler } of this.#others.values()) scheduler.stop();
  }

  async #keep(keep: () => Promise<boolean>): Promise<boolean> {
    try {
      return await keep();
    } catch (error) {
      // One schedule for all of them.
      if (error instanceof QueueUnavailable) throw error;
      this.#options.failed(error);
      return false;
    }
  }

  async #keepOther(name: string, view: SpoolView): Promise<boolean> {
    const other = await this.#other(name, view);
    if (other === undefined) return false;
    if (!(await this.#options.queue.isPresent(other.ownerId))) other.scheduler.doubt();
    if (this.#stopped) other.scheduler.stop();
    return await other.scheduler.keep();
  }

  /** Its id is read each time: a folder that was made anew under the same name has another, and under two ids all of it would be sent twice. */
  async #other(name: string, view: SpoolView): Promise<Other | undefined> {
    const { root, schedulerOf } = this.#options;
    const ownerId = await keptText(ownerIdFile(join(root, name))).read();
    if (ownerId === undefined) return undefined;
    const known = this.#others.get(name);
    if (known?.ownerId === ownerId) return known;
    const other = { ownerId, scheduler: schedulerOf(ownerId, view) };
    this.#others.set(name, other);
    return other;
  }
}
