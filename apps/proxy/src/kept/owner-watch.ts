import type { Queue } from '@radiotracer/queue';
import type { Clock, Timer } from '@radiotracer/upper-layer';

export interface OwnerWatchOptions {
  readonly queue: Pick<Queue, 'present'>;
  readonly ownerId: string;
  /** Another on each start: host, pid and chance. */
  readonly by: string;
  readonly clock: Clock;
  /** Another process is there under the same id: told once, and once more when it has been away. */
  readonly found: (other: string) => void;
}

const lookEveryMs = 5_000;
const presentForMs = 12_000;

/**
 * Looks whether another process has the owner id of this spool, as on a machine that was cloned with its spool. In one schedule each would take what
 * waits at the other for what is gone. Of the process before this one, which was killed, the word does not last as long as it takes to be told.
 */
export class OwnerWatch {
  readonly #options: OwnerWatchOptions;
  #timer: Timer | undefined;
  #looking: Promise<void>;
  #stopped = false;
  #other: { readonly by: string; readonly since: number; isTold: boolean } | undefined;

  constructor(options: OwnerWatchOptions) {
    this.#options = options;
    this.#looking = this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { queue, ownerId, by, clock, found } = this.#options;
    try {
      const other = await queue.present(ownerId, by, presentForMs);
      const now = clock.now();
      if (other === undefined) this.#other = undefined;
      else if (this.#other?.by !== other) this.#other = { by: other, since: now, isTold: false };
      else if (!this.#other.isTold && now - this.#other.since > presentForMs) {
        this.#other.isTold = true;
        found(other);
      }
    } catch {
      // A schedule that is away is told elsewhere.
    }
    if (this.#stopped) return;
    this.#timer = clock.setTimer(() => {
      this.#looking = this.#look();
    }, lookEveryMs);
  }
}
