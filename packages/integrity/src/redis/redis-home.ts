import { setTimeout as wait } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { Cluster, Redis } from 'ioredis';
import {
  type LedgerHome,
  LedgerUnavailable,
  type PageCursor,
  type RecordRequest,
  type RecordWrite,
  type StoredRecord,
} from '../ledger/home.ts';
import { redisFault } from './redis-fault.ts';

export interface RedisLedgerOptions {
  /** Connected, or connecting; without a queue of its own (`enableOfflineQueue: false`). Closed with the ledger. */
  readonly client: Redis | Cluster;
  /** In front of every key. Nodes that share a ledger have the same. Default `radiotracer:ledger`. */
  readonly prefix?: string;
  /** Longest wait for an answer, in ms. Default 2,000. */
  readonly commandTimeoutMs?: number;
}

/**
 * The home of a fleet.
 *
 *     prefix:{KEY}          hash   r revision, h head, d when due, s shelf, t time, `:ID` a row
 *     prefix:due            zset   key, score: when due
 *     prefix:shelf:SHELF    zset   key, score: time
 *     prefix:age            zset   key, score: time
 *     prefix:where:N        hash   row id -> keys, with a space between, some thousand at most; N of 64
 *
 * Only what is in the hash of a record is true; it changes by one script that looks at the revision first. The other keys lie in other slots of a
 * cluster: they are written before and after, so that a record may stand in one of them too early or too much, and never not at all. Whoever wrote them
 * looks whether another has written the record meanwhile, which they may have taken out of where it belongs now. Readers look into the record.
 */
const STORE = `
local r = tonumber(redis.call('HGET', KEYS[1], 'r') or '0')
if r ~= tonumber(ARGV[1]) then return { 0, '' } end
local old = redis.call('HGET', KEYS[1], 's') or ''
redis.call('HSET', KEYS[1], 'h', ARGV[2], 'r', r + 1, 'd', ARGV[3], 's', ARGV[4], 't', ARGV[5])
for at = 6, #ARGV, 2 do redis.call('HSET', KEYS[1], ':' .. ARGV[at], ARGV[at + 1]) end
return { 1, old }
`;

/** As it was read: what another has written since stays. */
const REMOVE = `
if (redis.call('HGET', KEYS[1], 'r') or '') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1
`;

const PLACE = `
for at = 2, #ARGV do
  local keys = redis.call('HGET', KEYS[1], ARGV[at])
  if not keys then redis.call('HSET', KEYS[1], ARGV[at], ARGV[1])
  elseif #keys < 131072 and not string.find(' ' .. keys .. ' ', ' ' .. ARGV[1] .. ' ', 1, true) then
    redis.call('HSET', KEYS[1], ARGV[at], keys .. ' ' .. ARGV[1])
  end
end
`;

const UNPLACE = `
for at = 2, #ARGV do
  local keys = redis.call('HGET', KEYS[1], ARGV[at])
  if keys then
    local left = {}
    for key in string.gmatch(keys, '[^ ]+') do if key ~= ARGV[1] then left[#left + 1] = key end end
    if #left == 0 then redis.call('HDEL', KEYS[1], ARGV[at])
    else redis.call('HSET', KEYS[1], ARGV[at], table.concat(left, ' ')) end
  end
end
`;

/** Where the score is still what it was. */
const PUT_OFF = `
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return end
if ARGV[3] == '' then redis.call('ZREM', KEYS[1], ARGV[1]) else redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1]) end
`;

const SCRIPTS = { ledgerStore: STORE, ledgerRemove: REMOVE, ledgerPlace: PLACE, ledgerUnplace: UNPLACE, ledgerPutOff: PUT_OFF } as const;
type Command = (...values: (string | number)[]) => Promise<unknown>;

/** What ioredis says of a connection that is gone, after what it had said of why. */
const saysNoMore = /^(?:Stream isn't writeable|Connection is closed)/;

const shards = 64;
const idsPerCall = 500;
const defaultTimeoutMs = 2_000;

export class RedisHome implements LedgerHome {
  readonly #client: Redis | Cluster;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  #closed = false;
  #lastError: string | undefined;

  constructor({ client, prefix = 'radiotracer:ledger', commandTimeoutMs = defaultTimeoutMs }: RedisLedgerOptions) {
    this.#client = client;
    this.#prefix = prefix;
    this.#timeoutMs = commandTimeoutMs;
    // Told as the cause of what fails meanwhile; without a listener it would end the process.
    client.on('error', ({ message }: Error) => {
      if (!saysNoMore.test(message)) this.#lastError = message;
    });
    for (const [name, lua] of Object.entries(SCRIPTS)) client.defineCommand(name, { numberOfKeys: 1, lua });
  }

  load(requests: readonly RecordRequest[]): Promise<readonly StoredRecord[]> {
    return Promise.all(requests.map((request) => this.#load(request)));
  }

  store(writes: readonly RecordWrite[]): Promise<readonly ('stored' | 'stale')[]> {
    return Promise.all(writes.map((write) => this.#store(write)));
  }

  async due(now: number, limit: number): Promise<readonly string[]> {
    const due: string[] = [];
    // What stands there too early is put off, and not counted.
    for (let round = 0; round < 4; round += 1) {
      const found = pairs(await this.#do('zrange', `${this.#prefix}:due`, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES'));
      const times = await Promise.all(found.map(([key]) => this.#do('hget', this.#key(key), 'd')));
      let early = 0;
      for (const [index, [key, score]] of found.entries()) {
        const at = String(times[index] ?? '');
        if (at !== '' && Number(at) <= now) {
          if (!due.includes(key)) due.push(key);
        } else {
          early += 1;
          await this.#do('ledgerPutOff', `${this.#prefix}:due`, key, score, at);
        }
      }
      if (early === 0 || due.length >= limit) break;
    }
    return due.slice(0, limit);
  }

  async page(shelves: readonly string[], range: { from: number; until: number }, after: PageCursor | undefined, limit: number) {
    const parts = await Promise.all(shelves.map((shelf) => this.#shelf(shelf, range, after, limit)));
    return parts.flat().sort(newestFirst).slice(0, limit);
  }

  async where(rowIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = new Map<string, readonly string[]>();
    for (const [shard, ids] of byShard(rowIds)) {
      const answers = (await this.#do('hmget', this.#where(shard), ...ids)) as (string | null)[];
      const places = ids.flatMap((id, index) =>
        (answers[index] ?? '').split(' ').flatMap((key) => (key === '' ? [] : [[id, key] as const])),
      );
      const isThere = await Promise.all(places.map(([id, key]) => this.#do('hexists', this.#key(key), `:${id}`)));
      for (const [id, some] of Map.groupBy(
        places.filter((_, index) => isThere[index] === 1),
        ([id]) => id,
      ))
        found.set(id, some.map(([, key]) => key).sort());
    }
    return found;
  }

  async remove(before: number, limit: number): Promise<{ records: number; rows: number }> {
    const keys = (await this.#do('zrange', `${this.#prefix}:age`, '-inf', `(${before}`, 'BYSCORE', 'LIMIT', 0, limit)) as string[];
    let records = 0;
    let rows = 0;
    for (const key of keys) {
      const [at, shelf, revision] = (await this.#do('hmget', this.#key(key), 't', 's', 'r')) as (string | null)[];
      if (at && Number(at) >= before) {
        await this.#do('zadd', `${this.#prefix}:age`, at, key);
        continue;
      }
      const ids = ((await this.#do('hkeys', this.#key(key))) as string[]).filter((field) => field.startsWith(':')).map((id) => id.slice(1));
      for (const [shard, some] of byShard(ids)) await this.#do('ledgerUnplace', this.#where(shard), key, ...some);
      if ((await this.#do('ledgerRemove', this.#key(key), revision ?? '')) === 0) {
        for (const [shard, some] of byShard(ids)) await this.#do('ledgerPlace', this.#where(shard), key, ...some);
        continue;
      }
      if (shelf) await this.#do('zrem', `${this.#prefix}:shelf:${shelf}`, key);
      await this.#do('zrem', `${this.#prefix}:due`, key);
      await this.#do('zrem', `${this.#prefix}:age`, key);
      // Another may have begun it anew.
      await this.#putBack(key, 0);
      records += at ? 1 : 0;
      rows += ids.length;
    }
    return { records, rows };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#client.disconnect();
  }

  async #load({ key, rows }: RecordRequest): Promise<StoredRecord> {
    const found = new Map<string, string>();
    const name = this.#key(key);
    if (rows === 'all') {
      const fields = (await this.#do('hgetall', name)) as Record<string, string>;
      for (const [field, value] of Object.entries(fields)) if (field.startsWith(':')) found.set(field.slice(1), value);
      return { revision: Number(fields['r'] ?? 0), head: fields['h'], rows: found };
    }
    // One call: head, revision and rows are of one moment.
    const [revision, head, ...values] = (await this.#do('hmget', name, 'r', 'h', ...rows.map((id) => `:${id}`))) as (string | null)[];
    for (const [index, id] of rows.entries()) {
      const value = values[index];
      if (value !== null && value !== undefined) found.set(id, value);
    }
    return { revision: Number(revision ?? 0), head: head ?? undefined, rows: found };
  }

  async #store({ key, revision, head, rows, freshRows, dueAt, shelf, at }: RecordWrite): Promise<'stored' | 'stale'> {
    const before = [
      ...[...byShard(freshRows)].map(([shard, ids]) => this.#do('ledgerPlace', this.#where(shard), key, ...ids)),
      this.#do('zadd', `${this.#prefix}:age`, 'NX', at, key),
      ...(dueAt === undefined ? [] : [this.#do('zadd', `${this.#prefix}:due`, 'LT', dueAt, key)]),
      ...(shelf === undefined ? [] : [this.#do('zadd', `${this.#prefix}:shelf:${shelf}`, 'NX', at, key)]),
    ];
    await Promise.all(before);
    const values = [...rows].flat();
    const answer = await this.#do('ledgerStore', this.#key(key), revision, head, dueAt ?? '', shelf ?? '', at, ...values);
    const [stored, oldShelf] = answer as [number, string];
    if (stored === 0) return 'stale';
    await Promise.all([
      this.#do('zadd', `${this.#prefix}:age`, at, key),
      dueAt === undefined ? this.#do('zrem', `${this.#prefix}:due`, key) : this.#do('zadd', `${this.#prefix}:due`, dueAt, key),
      ...(shelf === undefined ? [] : [this.#do('zadd', `${this.#prefix}:shelf:${shelf}`, at, key)]),
      ...(oldShelf === '' || oldShelf === shelf ? [] : [this.#do('zrem', `${this.#prefix}:shelf:${oldShelf}`, key)]),
    ]);
    await this.#putBack(key, revision + 1);
    return 'stored';
  }

  /** Where the record is of another revision than the one that we have placed. */
  async #putBack(key: string, placed: number): Promise<void> {
    for (let ours = placed; ; ) {
      const [revision, dueAt, shelf, at] = (await this.#do('hmget', this.#key(key), 'r', 'd', 's', 't')) as (string | null)[];
      if (!revision || !at || Number(revision) === ours) return;
      await Promise.all([
        this.#do('zadd', `${this.#prefix}:age`, at, key),
        ...(dueAt ? [this.#do('zadd', `${this.#prefix}:due`, 'LT', dueAt, key)] : []),
        ...(shelf ? [this.#do('zadd', `${this.#prefix}:shelf:${shelf}`, at, key)] : []),
      ]);
      ours = Number(revision);
    }
  }

  async #shelf(shelf: string, range: { from: number; until: number }, after: PageCursor | undefined, limit: number) {
    const found: PageCursor[] = [];
    const from = after === undefined || after.at >= range.until ? `(${range.until}` : String(after.at);
    for (let offset = 0; found.length < limit; offset += idsPerCall) {
      const name = `${this.#prefix}:shelf:${shelf}`;
      const some = pairs(await this.#do('zrange', name, from, range.from, 'BYSCORE', 'REV', 'LIMIT', offset, idsPerCall, 'WITHSCORES'));
      const actual = await Promise.all(some.map(([key]) => this.#do('hmget', this.#key(key), 's', 't')));
      for (const [index, [key]] of some.entries()) {
        const [isShelf, time] = actual[index] as (string | null)[];
        const cursor = { key, at: Number(time) };
        const inRange = cursor.at >= range.from && cursor.at < range.until;
        if (isShelf === shelf && inRange && (after === undefined || newestFirst(after, cursor) < 0)) found.push(cursor);
      }
      if (some.length < idsPerCall) break;
    }
    return found;
  }

  #key(key: string): string {
    return `${this.#prefix}:{${key}}`;
  }

  #where(shard: number): string {
    return `${this.#prefix}:where:${shard}`;
  }

  async #do(
    name: keyof typeof SCRIPTS | 'zrange' | 'hget' | 'hexists' | 'hmget' | 'hkeys' | 'hgetall' | 'zadd' | 'zrem',
    ...values: (string | number)[]
  ): Promise<unknown> {
    if (this.#closed) throw new LedgerUnavailable('closed', 'the ledger is closed');
    const stop = new AbortController();
    try {
      const answer = (this.#client as unknown as Record<typeof name, Command>)[name](...values);
      // What comes after the time-out is of no interest any more, and must not go unhandled.
      answer.catch(() => {});
      const late = wait(this.#timeoutMs, undefined, { signal: stop.signal, ref: false }).then(() => {
        throw new LedgerUnavailable('disconnected', `Redis: no answer in ${this.#timeoutMs} ms`);
      });
      late.catch(() => {});
      return await Promise.race([answer, late]);
    } catch (error) {
      throw isUnconnected(error) ? this.#notConnected(error) : redisFault(error);
    } finally {
      stop.abort();
    }
  }

  #notConnected(cause: Error): LedgerUnavailable {
    const why = this.#lastError === undefined ? '' : ` (${this.#lastError})`;
    return new LedgerUnavailable('disconnected', `Redis: not connected${why}`, cause);
  }
}

/** The client says of itself that it does not wait. */
function isUnconnected(error: unknown): error is Error {
  return error instanceof Error && error.message.includes('enableOfflineQueue');
}

function pairs(answer: unknown): readonly (readonly [string, string])[] {
  const flat = (answer as unknown[]).flat() as string[];
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) found.push([flat[at] as string, String(flat[at + 1])]);
  return found;
}

function* byShard(ids: readonly string[]): Generator<readonly [number, readonly string[]]> {
  for (const [shard, some] of Map.groupBy(ids, (id) => crc32(id) % shards))
    for (let at = 0; at < some.length; at += idsPerCall) yield [shard, some.slice(at, at + idsPerCall)];
}

function newestFirst(one: PageCursor, other: PageCursor): number {
  return other.at - one.at || (one.key === other.key ? 0 : one.key < other.key ? -1 : 1);
}
