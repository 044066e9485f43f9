/**
 * What this process has delivered and could not remove from the spool: the volume has turned read-only, or its disk fails. The file lies in
 * `waiting` as if nobody had sent it, and would be sent again whenever the schedule is built from the spool. So whoever asks here is told
 * that it is over with, until the file can be removed. Only the destination's Success brings an id in here, and no id is used twice.
 *
 * A process that starts anew knows nothing of it: what lies in `waiting` is sent, once more.
 */
import type { RetryConfig } from '@radiotracer/config';
import { type EntryKey, type Queue, QueueUnavailable } from '@radiotracer/queue';
import { type Spool, SpoolError } from '@radiotracer/spool';
import type { Clock } from '@radiotracer/upper-layer';
import { Rest } from './rest.ts';

export interface UnremovedOptions {
  readonly spool: Pick<Spool, 'remove'>;
  readonly queue: Pick<Queue, 'remove'>;
  readonly clock: Pick<Clock, 'now'>;
  /** From 0 to below 1. */
  readonly random: () => number;
}

export type SpooledKey = Pick<EntryKey, 'ownerId' | 'id'>;

/** After one could not be removed. */
const removalRetry: RetryConfig = { initialMs: 5_000, maxMs: 60_000, budgetMs: 0 };
/** In one go; others are housekeeping as well. */
const removedAtOnce = 250;
/** Some 70 MB. One that has no room is sent again after the next rebuild. */
const maxRemembered = 1_000_000;

export class Unremoved {
  readonly #options: UnremovedOptions;
  readonly #ids = new Map<string, Set<string>>();
  readonly #rest: Rest;
  #size = 0;

  constructor(options: UnremovedOptions) {
    this.#options = options;
    this.#rest = new Rest(removalRetry, options.random);
  }

  has({ ownerId, id }: SpooledKey): boolean {
    return this.#ids.get(ownerId)?.has(id) === true;
  }

  /** Of one owner's spool. */
  count(ownerId: string): number {
    return this.#ids.get(ownerId)?.size ?? 0;
  }

  /** It was delivered, and its file is still there. */
  add({ ownerId, id }: SpooledKey): void {
    if (this.#size >= maxRemembered || this.has({ ownerId, id })) return;
    this.#ids.set(ownerId, (this.#ids.get(ownerId) ?? new Set()).add(id));
    this.#size++;
  }

  /** Tries again to remove one. True: its file is gone. */
  async remove({ ownerId, id }: SpooledKey): Promise<boolean> {
    try {
      await this.#options.spool.remove(id);
    } catch (error) {
      if (!(error instanceof SpoolError)) throw error;
      if (error.code !== 'unknown-instance') return false;
    }
    if (this.#ids.get(ownerId)?.delete(id) === true) this.#size--;
    return true;
  }

  /** Removes what can be removed by now, and ends it in the schedule, too. To be called every few seconds. */
  async keep(): Promise<void> {
    const { clock } = this.#options;
    if (this.#rest.until > clock.now()) return;
    for (const [ownerId, ids] of this.#ids) {
      const removed: string[] = [];
      for (const id of ids) {
        if (removed.length === removedAtOnce) break;
        if (await this.remove({ ownerId, id })) {
          removed.push(id);
          continue;
        }
        // Its disk may fail in this one place.
        ids.delete(id);
        ids.add(id);
        this.#rest.failed(clock.now());
        break;
      }
      if (removed.length > 0) await this.#forget(ownerId, removed);
    }
  }

  async #forget(ownerId: string, ids: readonly string[]): Promise<void> {
    const { queue, clock } = this.#options;
    this.#rest.worked();
    try {
      await queue.remove({ ownerId, ids, state: 'held' }, Math.trunc(clock.now()));
    } catch (error) {
      // The next rebuild finds no file for them.
      if (!(error instanceof QueueUnavailable)) throw error;
    }
  }
}
