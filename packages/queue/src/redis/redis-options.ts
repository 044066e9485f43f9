import type { ClusterNode, ClusterOptions, RedisOptions } from 'ioredis';

/** How to reach Redis; what is in `options` passes through to ioredis (TLS, passwords, database, name resolution). */
export type RedisServer =
  | { readonly kind: 'single'; readonly url: string; readonly options?: RedisOptions }
  /** `options` holds `sentinels` and `name`. */
  | { readonly kind: 'sentinel'; readonly options: RedisOptions }
  | { readonly kind: 'cluster'; readonly nodes: readonly ClusterNode[]; readonly options?: ClusterOptions };

/** By what it is judged whether a lease has run out. */
export type LeaseClock = 'server' | 'caller';

export interface RedisQueueOptions {
  readonly server: RedisServer;
  /** In front of every key. Proxies that share a schedule have the same. Default `radiotracer`. */
  readonly prefix?: string;
  /** Longest wait for an answer, in ms; then the call fails with `timeout` and the connection is made anew. Default 2,000. */
  readonly commandTimeoutMs?: number;
  /** Requests under way at once; more fail with `overloaded` at once. Default 4,096. */
  readonly maxInFlight?: number;
  /** How long the first calls wait for the first connection, in ms; 0: not at all. Default 1,000. */
  readonly connectWaitMs?: number;
  /** Default `server`: callers' clocks may differ. `caller`, the `now` of each call: for those that have no other clock, as tests have none. */
  readonly leaseClock?: LeaseClock;
}

const RECONNECT_FIRST_MS = 50;
const RECONNECT_LONGEST_MS = 2_000;
const DISCONNECT_MS = 100;

/**
 * What every connection gets, and why. Nothing waits inside ioredis:
 *
 * - `enableOfflineQueue: false`: while there is no connection a command fails at once. The queue in memory that it would wait in has no
 *   bound, and its callers have something better to do: the spool has the instance, a rebuild brings it in.
 * - `maxRetriesPerRequest: 0`, `autoResendUnfulfilledCommands: false`: a command that was under way when the connection broke fails then. It
 *   may have been done; sent again by itself it could be done twice (a second claim of which nobody knows).
 * - `retryStrategy`: reconnects for ever, in the background, at most every two seconds.
 * - `socketTimeout`: a server that is stopped, or behind a dead link, still looks connected. No bytes for this long while an answer is due
 *   and the connection is torn down, with all that waits on it, also in the middle of a handshake.
 * - `reconnectOnError` for READONLY: the server has become a replica; a new connection asks Sentinel or the name service again.
 * - `disconnectTimeout`: ioredis waits so long for a socket to end, also for one that has ended, and a command line's process with it.
 * - `enableReadyCheck` (ioredis' default): a server that is loading its data is not ready.
 */
export function connectionOptions(commandTimeoutMs: number): RedisOptions {
  return {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (times) => Math.min(RECONNECT_FIRST_MS * 2 ** Math.min(times - 1, 10), RECONNECT_LONGEST_MS),
    sentinelRetryStrategy: (times) => Math.min(RECONNECT_FIRST_MS * 2 ** Math.min(times - 1, 10), RECONNECT_LONGEST_MS),
    socketTimeout: commandTimeoutMs,
    connectTimeout: commandTimeoutMs,
    disconnectTimeout: DISCONNECT_MS,
    reconnectOnError: (error) => (error.message.includes('READONLY') ? 1 : false),
  };
}

/**
 * Of a cluster. Redirections are followed, a slot that is being failed over is tried again only as often as fits into the time-out;
 * connections to nodes get what single ones get. Reads go to masters: a replica may not know of the last claim.
 */
export function clusterOptions(commandTimeoutMs: number): ClusterOptions {
  const { retryStrategy, maxRetriesPerRequest, ...node } = connectionOptions(commandTimeoutMs);
  return {
    enableOfflineQueue: false,
    maxRedirections: 4,
    scaleReads: 'master',
    slotsRefreshTimeout: commandTimeoutMs,
    clusterRetryStrategy: (times) => Math.min(RECONNECT_FIRST_MS * 2 ** Math.min(times - 1, 10), RECONNECT_LONGEST_MS),
    redisOptions: { ...node, maxRetriesPerRequest: 0 },
  };
}
