import { QueueUnavailable } from '../queue-error.ts';
import { connectRedis, type RedisClient } from './redis-client.ts';
import { redisFault } from './redis-fault.ts';
import type { RedisQueueOptions } from './redis-options.ts';
import { SCRIPTS, type ScriptName } from './scripts.ts';

type Command = (...values: (string | number)[]) => Promise<unknown>;

/** What ioredis says of a connection that is gone, after what it had said of why. */
const saysNoMore = /^(?:Stream isn't writeable|Connection is closed)/;

const DEFAULT_COMMAND_TIMEOUT_MS = 2_000;
const DEFAULT_MAX_IN_FLIGHT = 4_096;
const DEFAULT_CONNECT_WAIT_MS = 1_000;

/** One connection (or one per node of a cluster) with a bounded wait: every call ends in time, and few wait at once. */
export class RedisLink {
  readonly prefix: string;
  readonly #client: RedisClient;
  readonly #timeoutMs: number;
  readonly #maxInFlight: number;
  readonly #connectWaitMs: number;
  readonly #firstReady: Promise<void>;
  #inFlight = 0;
  #closed = false;
  #lastError: string | undefined;
  #lostConnections = 0;

  constructor(options: RedisQueueOptions) {
    this.prefix = options.prefix ?? 'radiotracer';
    this.#timeoutMs = options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS;
    this.#maxInFlight = options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT;
    this.#client = connectRedis(options.server, this.#timeoutMs);
    for (const [name, lua] of Object.entries(SCRIPTS)) this.#client.defineCommand(name, { numberOfKeys: 1, lua });
    // Told as the cause of what fails meanwhile; without a listener it would end the process.
    this.#client.on('error', ({ message }: Error) => {
      if (!saysNoMore.test(message)) this.#lastError = message;
    });
    // Of a cluster a node's.
    for (const event of ['close', '-node']) this.#client.on(event, () => void this.#lostConnections++);
    this.#connectWaitMs = options.connectWaitMs ?? DEFAULT_CONNECT_WAIT_MS;
    this.#firstReady = this.#wait(this.#connectWaitMs);
  }

  /** So often a connection was lost: whoever answers on the next may be a server that has started anew, from what it had saved some time ago. */
  get lostConnections(): number {
    return this.#lostConnections;
  }

  /**
   * A script over the keys of one destination. ioredis sends its digest, and the text if the server does not know it (after a restart or a
   * failover: NOSCRIPT).
   */
  script(name: ScriptName, base: string, ...values: (string | number)[]): Promise<unknown> {
    return this.#bounded(() => (this.#client as unknown as Record<ScriptName, Command>)[name](base, ...values));
  }

  /** A command of Redis' own. */
  command(name: 'smembers' | 'sadd' | 'hmget' | 'del' | 'exists', ...values: string[]): Promise<unknown> {
    return this.#bounded(() => (this.#client as unknown as Record<typeof name, Command>)[name](...values));
  }

  /** What is under way fails, and so does what others ask meanwhile. */
  async reconnect(): Promise<void> {
    if (this.#client.status !== 'ready') return;
    this.#client.disconnect(true);
    await this.#wait(this.#connectWaitMs);
  }

  close(): void {
    this.#closed = true;
    this.#client.disconnect();
  }

  async #bounded(send: () => Promise<unknown>): Promise<unknown> {
    await this.#firstReady;
    if (this.#closed) throw new QueueUnavailable('closed', 'the queue is closed');
    if (this.#client.status !== 'ready') {
      throw new QueueUnavailable('disconnected', `Redis: not connected${this.#lastError === undefined ? '' : ` (${this.#lastError})`}`);
    }
    if (this.#inFlight >= this.#maxInFlight) throw new QueueUnavailable('overloaded', 'Redis: too many requests are under way');
    this.#inFlight++;
    let timer: NodeJS.Timeout | undefined;
    try {
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new QueueUnavailable('timeout', `Redis: no answer in ${this.#timeoutMs} ms`)), this.#timeoutMs);
      });
      const answer = send();
      // What comes after the time-out is of no interest any more, and must not go unhandled.
      answer.catch(() => {});
      return await Promise.race([answer, late]);
    } catch (error) {
      throw redisFault(error);
    } finally {
      clearTimeout(timer);
      this.#inFlight--;
    }
  }

  #wait(connectWaitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#client.off('ready', done).off('end', done);
        resolve();
      };
      const timer = setTimeout(done, connectWaitMs);
      this.#client.once('ready', done);
      this.#client.once('end', done);
    });
  }
}
