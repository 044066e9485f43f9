import {
  type Ending,
  type KnownAsTheyAre,
  openMemoryQueue,
  openSqliteQueue,
  type Queue,
  QueueUnavailable,
  type SpoolTelling,
} from '@radiotracer/queue';

/**
 * `away`: no connection. `readonly`: what writes is refused, what reads is not, and it calls itself well. `full`: the same, but what only
 * frees memory goes through. `deaf`: it does everything and the answer is lost. `flaky`: one call in three fails before it does anything.
 */
export type ScheduleMode = 'well' | 'away' | 'readonly' | 'full' | 'deaf' | 'flaky';

/** Who is asking: a process that may end at any call. */
export interface Asker {
  readonly ended: boolean;
  /** A call begins, or is over: the process may end here. */
  reached(): void;
}

const reads = new Set<keyof Queue>(['health', 'nextDueAt', 'page', 'counts', 'close']);
const never = new Promise<never>(() => {});

/** The home of a schedule, on another machine: it outlives processes, and fails on its own. */
export class ModelSchedule {
  mode: ScheduleMode = 'well';
  readonly #path: string | undefined;
  readonly #random: () => number;
  #queue: Queue;

  /** `path`: of an SQLite database; undefined: in memory. */
  constructor(random: () => number, path?: string) {
    this.#random = random;
    this.#path = path;
    this.#queue = this.#open();
  }

  /** The schedule itself, past every failure. */
  get truth(): Queue {
    return this.#queue;
  }

  /** As one process sees it. */
  view(asker: Asker): Queue {
    return new Proxy({} as Queue, {
      get:
        (_none, name: keyof Queue) =>
        async (...given: unknown[]) => {
          asker.reached();
          if (asker.ended) return await never;
          try {
            return await this.#call(name, given, asker);
          } finally {
            asker.reached();
            // Whoever has ended learns nothing any more.
            // biome-ignore lint/correctness/noUnsafeFinally: it must not even throw.
            if (asker.ended) return await never;
          }
        },
    });
  }

  /** Emptied: another generation. */
  async forget(): Promise<void> {
    await this.#queue.close();
    this.#queue = openMemoryQueue();
  }

  /** Keys were evicted, a master of a cluster was flushed: entries are missing, and it is the same generation. */
  async forgetSome(now: number): Promise<void> {
    const { entries } = await this.#queue.page({}, undefined, 1000);
    const ids = entries.map(({ id }) => id).filter(() => this.#random() < 0.5);
    if (ids.length > 0) await this.#queue.remove({ ids }, now);
  }

  /** The process that had it has ended: the file is opened again. */
  async reopen(): Promise<void> {
    if (this.#path === undefined) return;
    await this.#queue.close();
    this.#queue = this.#open();
  }

  #open(): Queue {
    return this.#path === undefined ? openMemoryQueue() : openSqliteQueue({ path: this.#path });
  }

  async #call(name: keyof Queue, given: unknown[], asker: Asker): Promise<unknown> {
    const { mode } = this;
    if (name === 'health') {
      return mode === 'away' ? { home: 'memory', available: false, error: 'away' } : await this.#queue.health();
    }
    if (mode === 'away' || (mode === 'flaky' && this.#random() < 1 / 3)) throw new QueueUnavailable('disconnected', 'away');
    const endings = name === 'settleMany' ? (given[0] as readonly Ending[]) : [];
    if (mode === 'full' && endings.length > 1) return await this.#each(given as Parameters<Queue['settleMany']>, asker);
    const frees = endings[0]?.outcome.kind === 'delivered';
    if ((mode === 'readonly' && !reads.has(name)) || (mode === 'full' && !reads.has(name) && !frees)) {
      throw new QueueUnavailable('refused', mode);
    }
    if (name === 'rebuild') given[1] = this.#interruptible(given[1] as SpoolTelling, asker);
    const answer = await (this.#queue[name] as (...all: unknown[]) => Promise<unknown>).apply(this.#queue, given);
    if (mode === 'deaf') throw new QueueUnavailable('timeout', 'no answer');
    return answer;
  }

  /** It says of each whether there is room for it. */
  async #each([endings, now]: Parameters<Queue['settleMany']>, asker: Asker): Promise<unknown> {
    const answers: unknown[] = [];
    for (const one of endings) {
      const answer = this.#call('settleMany', [[one], now], asker) as ReturnType<Queue['settleMany']>;
      answers.push(...(await answer.catch((error: unknown) => [error])));
    }
    return answers;
  }

  /** Between two entries of a rebuild anything may happen. */
  #interruptible(spool: SpoolTelling, asker: Asker): SpoolTelling {
    const interrupt = async () => {
      asker.reached();
      if (asker.ended) await never;
      if (this.mode === 'away' || (this.mode === 'flaky' && this.#random() < 0.1)) throw new QueueUnavailable('disconnected', 'away');
    };
    return async function* (known) {
      const interruptibly: KnownAsTheyAre = async (ids, state) => {
        await interrupt();
        return await known(ids, state);
      };
      for await (const entry of spool(interruptibly)) {
        await interrupt();
        yield entry;
      }
    };
  }
}
