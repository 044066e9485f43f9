import type { RetryConfig } from '@radiotracer/config';
import { type Ending, type Lease, LeaseLost, type Outcome, type Queue, QueueUnavailable } from '@radiotracer/queue';
import type { Clock, Timer } from '@radiotracer/upper-layer';
import { backoffMs } from './backoff.ts';
import type { Pauses } from './pauses.ts';

/**
 * `settled`: the schedule has it, or does not know the entry any more. `stale`: it is another's by now. `unsettled`: the schedule was away until
 * the lease was over, or until there was no more time; the entry comes back by itself.
 */
export type Settled = 'settled' | 'stale' | 'unsettled';

export interface SettlementsOptions {
  readonly queue: Pick<Queue, 'settleMany'>;
  readonly pauses: Pauses;
  /** How long one waits for others to go with. */
  readonly gatherMs: number;
  readonly clock: Clock;
  readonly random: () => number;
}

interface Settlement extends Ending {
  tries: number;
  resolve(settled: Settled): void;
  reject(error: unknown): void;
}

/** Settled at once. */
const maxBatch = 32;
/** Between two tries to reach the schedule. */
const againPolicy: RetryConfig = { initialMs: 500, maxMs: 10_000, budgetMs: 0 };

/**
 * Ends leases in the schedule, those that come together in one step. A schedule that is away is waited for, by all of them together, each as
 * long as its lease lasts.
 */
export class Settlements {
  readonly #options: SettlementsOptions;
  #waiting: Settlement[] = [];
  #timer: Timer | undefined;
  #running = false;
  #hurried = false;
  #failures = 0;

  constructor(options: SettlementsOptions) {
    this.#options = options;
  }

  /** The last try did not reach it, and there is more to settle. */
  get isAway(): boolean {
    return this.#failures > 0;
  }

  settle(lease: Lease, outcome: Outcome): Promise<Settled> {
    const { promise, resolve, reject } = Promise.withResolvers<Settled>();
    this.#waiting.push({ lease, outcome, tries: 0, resolve, reject });
    if (this.#hurried || this.#waiting.length >= maxBatch) void this.#run();
    else this.#timer ??= this.#options.clock.setTimer(() => void this.#run(), this.#options.gatherMs);
    return promise;
  }

  /** From now on nothing waits for others to come. */
  hurry(): void {
    this.#hurried = true;
    void this.#run();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#running) return;
    this.#running = true;
    while (this.#waiting.length > 0) {
      const left = await this.#try(this.#waiting.splice(0, maxBatch));
      if (left.length === 0) this.#failures = 0;
      else await this.#again(left);
    }
    this.#failures = 0;
    this.#running = false;
  }

  /** Those for which the schedule was away. */
  async #try(batch: readonly Settlement[]): Promise<readonly Settlement[]> {
    const { queue, clock } = this.#options;
    try {
      const answers = await queue.settleMany(batch, Math.trunc(clock.now()));
      return batch.filter((one, index) => {
        const answer = answers[index];
        one.tries++;
        if (answer instanceof QueueUnavailable) return true;
        // An earlier try may have reached the schedule all the same.
        one.resolve(answer instanceof LeaseLost && answer.reason === 'stale' && one.tries === 1 ? 'stale' : 'settled');
        return false;
      });
    } catch (error) {
      if (error instanceof QueueUnavailable) {
        for (const one of batch) one.tries++;
        return batch;
      }
      // A mistake of ours in one is none in the others.
      if (batch.length === 1) {
        batch[0]?.reject(error);
        return [];
      }
      const left: Settlement[] = [];
      for (const one of batch) left.push(...(await this.#try([one])));
      return left;
    }
  }

  async #again(left: readonly Settlement[]): Promise<void> {
    const { pauses, clock, random } = this.#options;
    const hopeful = left.filter(({ lease, resolve }) => {
      if (!pauses.ended && clock.now() < lease.expiresAt) return true;
      resolve('unsettled');
      return false;
    });
    this.#waiting.unshift(...hopeful);
    this.#failures++;
    if (hopeful.length > 0) await pauses.sleep(backoffMs(againPolicy, this.#failures, random));
  }
}
