import { type Queue, type QueueHealth, QueueUnavailable } from '@radiotracer/queue';

/** A schedule that can be away, and come back, also without its memory. */
export class FickleQueue {
  away = false;
  /** So many adds to come are refused, as by a Redis that is READONLY or out of memory; everything else works. */
  refusedAdds = 0;
  /** It says so of its health, and takes no rebuild. */
  refuses: QueueHealth['refuses'];
  /** Calls that found it away. */
  missed = 0;
  /** Questions after its health that found it away. */
  seenAway = 0;
  current: Queue;

  constructor(queue: Queue) {
    this.current = queue;
  }

  get view(): Queue {
    return new Proxy({} as Queue, {
      get: (_none, name: keyof Queue) => {
        if (this.away && name === 'health') return async () => this.#awayHealth();
        return (...given: unknown[]) => {
          if (name === 'add' && this.refusedAdds > 0) {
            this.refusedAdds--;
            return Promise.reject(new QueueUnavailable('refused', "READONLY You can't write against a read only replica."));
          }
          if (name === 'health' && this.refuses !== undefined) {
            return this.current.health().then((health) => ({ ...health, refuses: this.refuses }));
          }
          if (name === 'rebuild' && this.refuses !== undefined) return Promise.reject(new QueueUnavailable('refused', 'OOM'));
          if (!this.away || name === 'close') return (this.current[name] as (...all: unknown[]) => unknown)(...given);
          this.missed++;
          return Promise.reject(new QueueUnavailable('disconnected', 'away'));
        };
      },
    });
  }

  #awayHealth(): QueueHealth {
    this.seenAway++;
    return { home: 'memory', available: false, error: 'away' };
  }
}
