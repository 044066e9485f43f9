/** Several nodes that write one record, on a real server. */
import type { Redis } from 'ioredis';
import { redisMissing, startRedis, type TestRedis } from '../contract/redis-server.ts';
import type { RecordWrite } from '../ledger/home.ts';
import { RedisHome } from './redis-home.ts';

let server: TestRedis;
const describeWithRedis = redisMissing === undefined ? describe : describe.skip;

/** What is asked from now on waits: the node is slow. */
function slowed(client: Redis, name: 'zrem' | 'hkeys'): { readonly reached: Promise<void>; goOn(): void } {
  const reached = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const asked = client[name].bind(client) as unknown as (...values: unknown[]) => Promise<unknown>;
  Object.assign(client, {
    [name]: async (...values: unknown[]) => {
      reached.resolve();
      await go.promise;
      return await asked(...values);
    },
  });
  return { reached: reached.promise, goOn: go.resolve };
}

const write = (changes: Partial<RecordWrite>): RecordWrite => ({
  ...{ key: 's:1', revision: 0, head: '{}', rows: new Map(), freshRows: [], dueAt: 200, shelf: 'open', at: 100 },
  ...changes,
});

describeWithRedis('a record that another node writes before the first is done with it', () => {
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.end());

  it.each(['due', 'shelf'] as const)('is found by %s where the first took it out', async (place) => {
    const slow = await server.connect();
    const [one, other] = [slow, await server.connect()].map((client) => new RedisHome({ client, prefix: place })) as [RedisHome, RedisHome];
    await one.store([write({})]);
    const { reached, goOn } = slowed(slow, 'zrem');
    const first = one.store([write({ revision: 1, dueAt: undefined, shelf: 'quiet' })]);
    await reached;
    expect(await other.store([write({ revision: 2 })])).toEqual(['stored']);
    goOn();
    expect(await first).toEqual(['stored']);
    if (place === 'due') expect(await other.due(300, 10)).toEqual(['s:1']);
    else expect(await other.page(['open'], { from: 0, until: 300 }, undefined, 10)).toEqual([{ key: 's:1', at: 100 }]);
    await Promise.all([one.close(), other.close()]);
  });

  it.each(['hkeys', 'zrem'] as const)('is there where the first was removing it for its age (%s)', async (at) => {
    const slow = await server.connect();
    const [one, other] = [slow, await server.connect()].map((client) => new RedisHome({ client, prefix: at })) as [RedisHome, RedisHome];
    await one.store([write({ rows: new Map([['i:1', 'old']]), freshRows: ['i:1'] })]);
    const { reached, goOn } = slowed(slow, at);
    const removed = one.remove(150, 10);
    await reached;
    const [{ revision } = { revision: 0 }] = await other.load([{ key: 's:1', rows: 'all' }]);
    const rows = new Map([['i:2', 'new']]);
    expect(await other.store([write({ revision, rows, freshRows: ['i:2'], at: 250 })])).toEqual(['stored']);
    goOn();
    await removed;
    const [record] = await other.load([{ key: 's:1', rows: ['i:2'] }]);
    expect(record?.rows.get('i:2')).toBe('new');
    expect(await other.due(300, 10)).toEqual(['s:1']);
    expect((await other.where(['i:2'])).get('i:2')).toEqual(['s:1']);
    await Promise.all([one.close(), other.close()]);
  });
});
