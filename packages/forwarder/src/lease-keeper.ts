import { LeaseLost, type Queue, QueueUnavailable } from '@radiotracer/queue';
import type { Clock, Timer } from '@radiotracer/upper-layer';
import type { Held } from './held.ts';

export interface LeaseKeeperOptions {
  readonly queue: Pick<Queue, 'extend'>;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Told once of each that is not ours any more. */
  readonly lost: (held: Held) => void;
  /** Told of what should not happen. */
  readonly failed: (error: unknown) => void;
}

/** Prolonged at once: one after the other, behind a long line to Redis, all of a batch would not be in time. */
const atOnce = 16;

/** Prolongs the leases of what we hold, long before they end, so that neither a long instance nor a long batch loses its own. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #held = new Set<Held>();
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#held.size;
  }

  keep(held: Held): void {
    this.#held.add(held);
    this.#arm();
  }

  /** It is being settled, or is not ours; what was read of it goes with it. */
  drop(held: Held): void {
    this.#held.delete(held);
    void held.reading?.close();
  }

  /** Whether it may be begun now: the lease is in force, as far as can be known, for a while. */
  async secure(held: Held): Promise<boolean> {
    const { clock, leaseMs } = this.#options;
    if (!held.lost && held.lease.expiresAt - clock.now() < leaseMs / 3) await this.#extend(held);
    return !held.lost && held.lease.expiresAt > clock.now();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = this.#options.clock.setTimer(() => {
      this.#round()
        .catch((error: unknown) => this.#options.failed(error))
        .finally(() => {
          this.#timer = undefined;
          if (this.#held.size > 0) this.#arm();
        });
    }, this.#options.leaseMs / 4);
  }

  async #round(): Promise<void> {
    const { clock, leaseMs } = this.#options;
    const inNeed = [...this.#held].filter((held) => !held.lost && held.lease.expiresAt - clock.now() <= leaseMs * 0.7);
    // The first alone: a schedule that is away is asked once a round.
    for (let [from, to] = [0, 1]; from < inNeed.length; [from, to] = [to, to + atOnce]) {
      if (this.#closed) return;
      const some = inNeed.slice(from, to).filter((held) => this.#held.has(held));
      const reached = await Promise.all(some.map((held) => this.#extend(held)));
      if (reached.includes(false)) return;
    }
  }

  /** False when the schedule could not be asked. */
  async #extend(held: Held): Promise<boolean> {
    const { queue, clock, leaseMs, lost } = this.#options;
    try {
      held.lease = await queue.extend(held.lease, leaseMs, Math.trunc(clock.now()));
      return true;
    } catch (error) {
      if (error instanceof LeaseLost) {
        // Settled meanwhile by our own hand: that is no loss.
        if (this.#held.has(held) && !held.lost) {
          held.lost = true;
          lost(held);
        }
        return true;
      }
      if (error instanceof QueueUnavailable) return false;
      throw error;
    }
  }
}
