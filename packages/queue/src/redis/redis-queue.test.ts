import { createServer, type Socket } from 'node:net';
import { assertSame, commands, LIMITS, listed } from '../contract/commands.ts';
import { QueueModel } from '../contract/model.ts';
import { RedisServer, redisMissing, until } from '../contract/redis-server.ts';
import { sampleEntry } from '../contract/sample.ts';
import type { PageCursor, Queue, QueuePage } from '../queue.ts';
import { QueueUnavailable } from '../queue-error.ts';
import { redisFault } from './redis-fault.ts';
import type { RedisQueueOptions } from './redis-options.ts';
import { openRedisQueue } from './redis-queue.ts';

const now = 1_700_000_100_000;
const claim = { destinationId: 'pacs', leaseHolder: 'me', leaseMs: 10_000, limit: 10, now };

async function codeOf(answer: Promise<unknown>): Promise<string> {
  const error: unknown = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof QueueUnavailable ? error.code : String(error);
}

const describeRedis = redisMissing === undefined ? describe : describe.skip;
describeRedis(`Redis failing${redisMissing === undefined ? '' : ` (skipped: ${redisMissing})`}`, () => {
  let server: RedisServer;
  const opened: Queue[] = [];
  const open = (options: Partial<RedisQueueOptions> = {}): Queue => {
    const defaults = { server: { kind: 'single', url: server.url }, commandTimeoutMs: 300, leaseClock: 'caller' } as const;
    const queue = openRedisQueue({ ...defaults, ...options }, LIMITS);
    opened.push(queue);
    return queue;
  };
  const back = (queue: Queue) =>
    until('the queue to be back', async () => {
      const { available, refuses } = await queue.health();
      return available && refuses === undefined;
    });

  beforeEach(async () => {
    server = await RedisServer.start();
  }, 30_000);
  afterEach(async () => {
    for (const queue of opened.splice(0)) await queue.close();
    await server.end();
  }, 30_000);

  it('stopped (SIGSTOP): every call fails while it stands still, few wait at once, and it goes on by itself', async () => {
    const queue = open({ maxInFlight: 8 });
    for (let n = 0; n < 20; n++) await queue.add(sampleEntry(n));
    server.signal('SIGSTOP');
    const codes = await Promise.all(Array.from({ length: 50 }, () => codeOf(queue.claim(claim))));
    expect(codes.filter((code) => code === 'overloaded')).toHaveLength(42);
    expect(codes.filter((code) => code === 'timeout' || code === 'disconnected')).toHaveLength(8);
    expect(await queue.health()).toMatchObject({ available: false });
    server.signal('SIGCONT');
    await back(queue);
    // What was asked may have been done though nobody heard: those leases run out.
    await queue.reclaimExpired(now + LIMITS.maxLeaseMs);
    const claimed = await queue.claim({ ...claim, limit: 100, now: now + LIMITS.maxLeaseMs });
    expect(claimed.map(({ entry }) => entry.id)).toEqual(Array.from({ length: 20 }, (_, n) => sampleEntry(n).id));
  }, 60_000);

  it('killed in the middle of much: what fails fails as unavailable, what it had is rebuilt from the spool', async () => {
    const queue = open();
    const { generation } = await queue.health();
    await queue.add(sampleEntry(0));
    const busy = Array.from({ length: 500 }, (_, n) => codeOf(queue.add(sampleEntry(n))));
    await server.down();
    for (const code of await Promise.all(busy)) expect(['undefined', 'disconnected', 'timeout']).toContain(code);
    expect(await codeOf(queue.claim(claim))).toBe('disconnected');
    await server.up();
    await back(queue);
    expect((await queue.health()).generation).not.toBe(generation);
    expect(await queue.claim(claim)).toEqual([]);
    // The server knows no scripts and no destinations now.
    expect(await queue.rebuild('node-1', listed([sampleEntry(0), sampleEntry(1)]), now)).toMatchObject({ added: 2 });
    expect(await queue.claim(claim)).toHaveLength(2);
  }, 60_000);

  it('emptied in the middle: old leases are lost, tokens are not given out again, and it fills up again unasked', async () => {
    const queue = open();
    await queue.add(sampleEntry(0));
    const [before] = await queue.claim(claim);
    const { generation } = await queue.health();
    await server.ask('FLUSHALL');
    await server.ask('SCRIPT', 'FLUSH');
    await queue.add(sampleEntry(0));
    const [after] = await queue.claim(claim);
    if (before === undefined || after === undefined) throw new Error('nothing claimed');
    await expect(queue.settle(before.lease, { kind: 'delivered' }, now)).rejects.toMatchObject({ name: 'LeaseLost', reason: 'stale' });
    await expect(queue.extend(before.lease, 1, now)).rejects.toMatchObject({ name: 'LeaseLost', reason: 'stale' });
    // The destination is known again, though this client had told of it before.
    expect((await queue.counts())[0]?.states.leased.entries).toBe(1);
    expect((await queue.health()).generation).not.toBe(generation);
    await queue.settle(after.lease, { kind: 'delivered' }, now);
  }, 60_000);

  it('killed, and back at once with what it had saved: it is known that it may have forgotten some', async () => {
    const queue = open();
    await queue.add(sampleEntry(0));
    const { generation } = await queue.health();
    expect((await queue.health()).generation).toBe(generation);
    await server.ask('SAVE');
    await queue.add(sampleEntry(1));
    await server.down();
    await server.up();
    await back(queue);
    expect((await queue.counts())[0]?.states.waiting.entries).toBe(1);
    expect((await queue.health()).generation).not.toBe(generation);
  }, 60_000);

  it('down at start: calls fail at once, and work when it comes', async () => {
    await server.down();
    const queue = open({ connectWaitMs: 0 });
    expect(await codeOf(queue.add(sampleEntry(0)))).toBe('disconnected');
    expect(await queue.health()).toMatchObject({ available: false });
    await server.up();
    await back(queue);
    expect(await queue.add(sampleEntry(0))).toBe('added');
  }, 60_000);

  it('a server that connects and never answers is left again and again, and nothing waits for it', async () => {
    const sockets = new Set<Socket>();
    const mute = createServer((socket) => {
      sockets.add(socket.resume().on('error', () => {}));
    });
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const address = mute.address();
    const url = `redis://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    const queue = open({ server: { kind: 'single', url }, connectWaitMs: 0, commandTimeoutMs: 50 });
    expect(await codeOf(queue.add(sampleEntry(0)))).toBe('disconnected');
    await until('a third connection', async () => sockets.size >= 3);
    await queue.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => mute.close(resolve));
  }, 60_000);

  it('a replica (READONLY): refused, nothing half done, and it goes on afterwards', async () => {
    const queue = open();
    const model = new QueueModel();
    for (const entry of [0, 1, 2, 3].map((n) => sampleEntry(n, { destinationId: 'a', receivedAt: 0 }))) {
      await commands.add(entry, undefined).run(model, queue);
    }
    await commands.claim('a', undefined, 10_000, 2).run(model, queue);
    const [lease] = model.leases;
    if (lease === undefined) throw new Error('nothing claimed');
    await server.ask('REPLICAOF', '127.0.0.1', '1');
    const told = { available: true, refuses: 'all', reason: 'readonly', error: expect.stringContaining('READONLY') };
    expect(await queue.health()).toMatchObject(told);
    // Who has asked after it can go on to read.
    await assertSame(model, queue);
    // Asked again it is asked over another connection.
    const clients = async () => String(await server.ask('INFO', 'stats')).match(/total_connections_received:(\d+)/)?.[1];
    const [before, health, after] = [Number(await clients()), await queue.health(), Number(await clients())];
    expect(health).toMatchObject(told);
    expect(after).toBeGreaterThan(before + 1);
    const error = { errorType: 'timeout' };
    const calls = [
      () => queue.add(sampleEntry(9)),
      () => queue.claim({ ...claim, destinationId: 'a', now: model.now }),
      () => queue.settle(lease, { kind: 'delivered' }, model.now),
      () => queue.settle(lease, { kind: 'retry', dueAt: model.now, error, possibleDuplicate: true }, model.now),
      () => queue.settle(lease, { kind: 'dead', error, possibleDuplicate: true }, model.now),
      () => queue.extend(lease, 1, model.now),
      () => queue.hold({ ids: [sampleEntry(3).id] }, model.now),
      () => queue.reclaimExpired(model.now + 10_000),
    ];
    // A READONLY answer makes the client connect anew, so a call can also find it disconnected.
    for (const call of calls) {
      await until('the refusal', async () => {
        const code = await codeOf(call());
        if (code !== 'disconnected') expect(code).toBe('refused');
        return code === 'refused';
      });
    }
    await server.ask('REPLICAOF', 'NO', 'ONE');
    await back(queue);
    expect(await queue.health()).toEqual({ home: 'redis', available: true, generation: expect.any(String) });
    await assertSame(model, queue);
  }, 60_000);

  it('without the replicas that it is to have (NOREPLICAS): said, and read all the same', async () => {
    const queue = open();
    await queue.add(sampleEntry(0));
    await server.ask('CONFIG', 'SET', 'min-replicas-to-write', '1');
    expect(await queue.health()).toMatchObject({ available: true, refuses: 'all', reason: 'noreplicas' });
    expect(await codeOf(queue.claim(claim))).toBe('refused');
    expect(await queue.counts()).toHaveLength(1);
  }, 60_000);

  it('full (OOM): what is new is refused; what it has can be sent, again as well, and removed', async () => {
    const before = open();
    const model = new QueueModel();
    const add = (n: number) => commands.add(sampleEntry(n, { destinationId: 'a', receivedAt: 0 }), undefined);
    for (let n = 0; n < 8; n++) await add(n).run(model, before);
    await server.ask('CONFIG', 'SET', 'maxmemory', '1');
    // As a proxy that starts: the server gets the text of the scripts anew.
    await server.ask('SCRIPT', 'FLUSH');
    const queue = open();
    const error = { errorType: 'timeout' };
    const retry = (at: number) => ({ kind: 'retry', dueAt: at, error, possibleDuplicate: true }) as const;
    const delivered = () => ({ kind: 'delivered' }) as const;
    const drain = [
      commands.claim('a', undefined, 10_000, 6),
      commands.extend(0, 15_000),
      commands.settle(0, delivered),
      commands.settle(1, retry),
      commands.settle(2, () => ({ kind: 'dead', error, possibleDuplicate: true })),
      // None that goes before one that stays, and before one that is gone.
      commands.settleMany([3, 3, 0].map((pick) => [pick, retry])),
      commands.clock(10_000),
      commands.reclaim(),
      commands.verb('hold', { ids: [sampleEntry(7).id] }),
      commands.verb('release', { state: 'held' }),
      commands.verb('retry', { state: 'dead' }),
      commands.claim('a', undefined, 10_000, 100),
    ];
    const refused = async () => {
      expect(await queue.health()).toMatchObject({ available: true, refuses: 'new', reason: 'oom', error: expect.stringContaining('OOM') });
      expect(await codeOf(queue.add(sampleEntry(9)))).toBe('refused');
      expect(await codeOf(queue.rebuild('node-1', listed([sampleEntry(9)]), model.now))).toBe('refused');
    };
    await refused();
    for (const one of drain) {
      await one.run(model, queue);
      await assertSame(model, queue);
      await refused();
    }
    const left = model.entries.length;
    for (let pick = 0; pick < left; pick++) await commands.settle(pick, delivered).run(model, queue);
    expect(model.entries).toEqual([]);
    await server.ask('CONFIG', 'SET', 'maxmemory', '0');
    expect(await queue.health()).toEqual({ home: 'redis', available: true, generation: expect.any(String) });
    await add(9).run(model, queue);
    await assertSame(model, queue);
  }, 60_000);

  it('a proxy whose clock is minutes ahead takes nothing that another is sending, and one that is behind takes what a dead one left', async () => {
    // Four of one schedule, each with a time of its own; that of none is the server's.
    const minutes = (count: number) => now + count * 60_000;
    const [sender, ahead, behind, dead] = Array.from({ length: 4 }, () => open({ leaseClock: 'server', commandTimeoutMs: 2_000 }));
    if (sender === undefined || ahead === undefined || behind === undefined || dead === undefined) throw new Error('not opened');
    for (let n = 0; n < 3; n++) await sender.add(sampleEntry(n));
    const claimed = await sender.claim({ ...claim, limit: 2 });
    expect(claimed.map(({ lease }) => lease.expiresAt)).toEqual([now + claim.leaseMs, now + claim.leaseMs]);
    // What writes the record of one that is being sent leaves its lease in force.
    await ahead.hold({ ids: [sampleEntry(1).id] }, minutes(5));
    expect(await ahead.reclaimExpired(minutes(5))).toBe(0);
    const [first, second] = claimed;
    if (first === undefined || second === undefined) throw new Error('two were claimed');
    const extended = await sender.extend(first.lease, claim.leaseMs, now + 5_000);
    expect(extended.expiresAt).toBe(now + 5_000 + claim.leaseMs);
    expect(await ahead.reclaimExpired(minutes(60))).toBe(0);
    // It takes what nobody sends, and no more.
    expect((await ahead.claim({ ...claim, now: minutes(5) })).map(({ entry }) => entry.id)).toEqual([sampleEntry(2).id]);
    await sender.settle(extended, { kind: 'delivered' }, now);
    await sender.settle(second.lease, { kind: 'delivered' }, now);

    await dead.add(sampleEntry(3));
    expect(await dead.claim({ ...claim, now: minutes(10), leaseMs: 1 })).toHaveLength(1);
    await until('the lease to run out', async () => (await behind.reclaimExpired(minutes(0))) === 1);
    expect((await behind.page({ ids: [sampleEntry(3).id] }, undefined, 1)).entries).toMatchObject([
      { state: 'waiting', dueAt: sampleEntry(3).receivedAt, lastError: { errorType: 'lease_expired' } },
    ]);
  }, 60_000);

  it('slow: what comes within the time-out is waited for', async () => {
    const queue = open({ commandTimeoutMs: 20_000 });
    await queue.add(sampleEntry(0));
    await server.ask('CLIENT', 'PAUSE', '500', 'ALL');
    expect(await Promise.all([queue.add(sampleEntry(1)), queue.claim(claim)])).toMatchObject(['added', { length: 2 }]);
  }, 60_000);

  it('a password that is not right is a refusal or no connection, never a crash', async () => {
    await server.ask('CONFIG', 'SET', 'requirepass', 'secret');
    const queue = open({ connectWaitMs: 0 });
    await until('the refusal', async () => ['refused', 'disconnected'].includes(await codeOf(queue.add(sampleEntry(0)))));
    const right = open({ server: { kind: 'single', url: server.url.replace('//', '//:secret@') } });
    expect(await right.add(sampleEntry(0))).toBe('added');
  }, 60_000);

  it('who only looks is told what a proxy would meet, and leaves nothing', async () => {
    const queue = open();
    const contents = async () => [await server.ask('DBSIZE'), String(await server.ask('INFO', 'persistence')).match(/rdb_changes.*/)?.[0]];
    const look = async () => {
      const before = await contents();
      const seen = await queue.inspect();
      expect(await contents()).toEqual(before);
      return seen;
    };
    const works = { home: 'redis', available: true };
    expect(await look()).toEqual(works);
    await queue.health();
    expect(await look()).toEqual(works);
    await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    // It has no limit.
    expect(await look()).toEqual(works);
    await server.ask('CONFIG', 'SET', 'maxmemory', '100mb');
    expect(await look()).toEqual({ ...works, evicts: 'allkeys-lru' });
    // Nothing that matters has a time to live.
    await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
    expect(await look()).toEqual(works);
    await server.ask('CONFIG', 'SET', 'maxmemory', '1');
    expect(await look()).toMatchObject({ ...works, refuses: 'new', reason: 'oom', error: expect.stringContaining('OOM') });
    await server.ask('CONFIG', 'SET', 'maxmemory', '0');
    await server.ask('REPLICAOF', '127.0.0.1', '1');
    expect(await look()).toMatchObject({ ...works, refuses: 'all', reason: 'readonly' });
    await server.ask('REPLICAOF', 'NO', 'ONE');
    // Users who may not write, and may not run a script.
    const as = (user: string) => open({ server: { kind: 'single', url: server.url.replace('//', `//${user}:${user}@`) } });
    await server.ask('ACL', 'SETUSER', 'reader', 'on', '>reader', '~*', '+@all', '-setrange', '-setnx');
    expect(await as('reader').inspect()).toMatchObject({
      ...works,
      refuses: 'all',
      error: expect.stringContaining("can't run this command"),
    });
    await server.ask('ACL', 'SETUSER', 'plain', 'on', '>plain', '~*', '+@all', '-@scripting');
    expect(await as('plain').inspect()).toMatchObject({ available: false, reason: 'refused', error: expect.stringContaining('NOPERM') });
  }, 60_000);

  it('two that are there under one owner id: the second is told of the first, until that is over', async () => {
    const [first, second] = [open(), open()];
    expect(await first.present('ours', 'first', 60_000)).toBeUndefined();
    expect(await first.present('ours', 'first', 60_000)).toBeUndefined();
    expect(await second.present('others', 'second', 60_000)).toBeUndefined();
    expect(await second.present('ours', 'second', 60_000)).toBe('first');
    expect([await second.isPresent('ours'), await second.isPresent('nobody')]).toEqual([true, false]);
    expect(Number(String(await server.ask('PTTL', 'radiotracer:present:ours')))).toBeGreaterThan(30_000);
    await server.ask('PEXPIRE', 'radiotracer:present:ours', '0');
    expect(await second.present('ours', 'second', 60_000)).toBeUndefined();
    // Of a replica's refusal the client would leave the connection, under those who want to read.
    await server.ask('REPLICAOF', '127.0.0.1', '1');
    const connections = async () => Number(String(await server.ask('INFO', 'stats')).match(/total_connections_received:(\d+)/)?.[1]);
    const before = await connections();
    for (let n = 0; n < 3; n++) expect(await first.present('mine', 'first', 60_000)).toBeUndefined();
    expect(await first.counts()).toEqual([]);
    expect(await connections()).toBe(before + 1);
  }, 60_000);

  it('a database that it does not have: no other is written into', async () => {
    const queue = open({ server: { kind: 'single', url: `${server.url}/16` } });
    const error: unknown = await queue.add(sampleEntry(0)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'disconnected', message: expect.stringContaining('ERR DB index is out of range') });
    expect(await server.ask('DBSIZE')).toBe(0);
    expect(await open({ server: { kind: 'single', url: `${server.url}/15` } }).add(sampleEntry(0))).toBe('added');
  }, 60_000);

  it('records that were evicted are passed over, not stumbled upon', async () => {
    const queue = open();
    for (let n = 0; n < 3; n++) await queue.add(sampleEntry(n));
    await queue.claim({ ...claim, limit: 1 });
    await server.ask('DEL', 'radiotracer:{pacs}:entries');
    expect(await queue.claim(claim)).toEqual([]);
    await queue.add(sampleEntry(5));
    expect((await queue.page({}, undefined, 1)).entries.map(({ id }) => id)).toEqual([sampleEntry(5).id]);
    expect(await queue.reclaimExpired(now + 10_000)).toBe(1);
    expect(await queue.page({}, undefined, 10)).toEqual({ entries: [] });
    expect(await queue.page({ studyKey: sampleEntry(0).studyKey }, undefined, 10)).toEqual({ entries: [] });
    expect(await queue.counts()).toHaveLength(1);
    // Without the study's index the entries are still claimed, one by one.
    await server.ask('FLUSHALL');
    for (let n = 0; n < 3; n++) await queue.add(sampleEntry(n));
    await server.ask('DEL', `radiotracer:{pacs}:study:${sampleEntry(0).studyKey}`);
    expect(await queue.claim(claim)).toHaveLength(3);
  }, 60_000);

  it.each(['entries', 'due:node-1', 'state:waiting:node-1', 'leases', 'tally', 'owners'])(
    'of keys that were evicted one by one nothing is kept: without %s all of it is forgotten, and comes back from the spool',
    async (key) => {
      const queue = open();
      const entries = Array.from({ length: 6 }, (_, n) => sampleEntry(n, {}, 3));
      for (const entry of entries) await queue.add(entry);
      await queue.claim({ ...claim, limit: 2 });
      const { generation } = await queue.health();
      await server.ask('DEL', `radiotracer:{pacs}:${key}`);
      const later = now + claim.leaseMs;
      await queue.reclaimExpired(later);
      // As a scheduler does; one was delivered by somebody who could not say so any more.
      const left = entries.slice(1);
      if ((await queue.health()).generation !== generation) await queue.rebuild('node-1', listed(left), later);
      const claimed = await queue.claim({ ...claim, now: later });
      expect(claimed.map(({ entry }) => entry.id)).toEqual(left.map(({ id }) => id));
      expect((await queue.counts())[0]?.states).toMatchObject({ waiting: { entries: 0 }, leased: { entries: 5 } });
      const ends = claimed.map(({ lease }) => ({ lease, outcome: { kind: 'delivered' } as const }));
      await queue.settleMany(ends, later);
      expect(await queue.reclaimExpired(later)).toBe(0);
    },
    60_000,
  );

  it('without the key that counts rebuilds the next one still tells what was there before it began', async () => {
    const queue = open();
    await queue.add(sampleEntry(0));
    for (let n = 0; n < 3; n++) await queue.rebuild('node-1', listed([sampleEntry(0)]), now);
    await queue.hold({}, now);
    await server.ask('DEL', 'radiotracer:{pacs}:meta');
    expect(await queue.rebuild('node-1', listed([sampleEntry(0)]), now)).toMatchObject({ moved: 1 });
    expect(await queue.rebuild('node-1', listed([]), now)).toMatchObject({ dropped: 1 });
  }, 60_000);

  it('nothing stays in the server of what was delivered or removed', async () => {
    const queue = open();
    for (let n = 0; n < 4; n++) await queue.add(sampleEntry(n, n % 2 === 0 ? {} : { studyKey: '' }));
    for (const { lease } of await queue.claim({ ...claim, limit: 2 })) await queue.settle(lease, { kind: 'delivered' }, now);
    await queue.remove({}, now);
    const kept = ['radiotracer:destinations', 'radiotracer:{pacs}:owners', 'radiotracer:{pacs}:tally'];
    expect(((await server.ask('KEYS', '*')) as string[]).sort()).toEqual(kept);
  }, 60_000);

  it('of many that end, one that cannot is told of, and the others do', async () => {
    const queue = open();
    for (let n = 0; n < 2; n++) await queue.add(sampleEntry(n));
    const [first, second] = (await queue.claim(claim)).map(({ lease }) => lease);
    if (first === undefined || second === undefined) throw new Error('two were to be claimed');
    await server.ask('SET', 'radiotracer:{pacs}:state:held:node-1', 'of another program');
    const ends = [
      { lease: first, outcome: { kind: 'held', why: 'because' } },
      { lease: second, outcome: { kind: 'delivered' } },
    ] as const;
    expect(await queue.settleMany(ends, now)).toEqual([expect.objectContaining({ code: 'refused' }), undefined]);
  }, 60_000);

  it.each([
    ['whose lease ran out', now + claim.leaseMs, true, now],
    ['whose lease is too long', now, true, 9e12],
    ['that is due too late', now, false, 9e12],
  ])('somebody has taken the record of one %s, and put another there: all of it is forgotten', async (_, later, isLeased, score) => {
    const queue = open();
    const { generation } = await queue.health();
    await queue.add(sampleEntry(0));
    const { id } = sampleEntry(0);
    if (isLeased) await queue.claim(claim);
    await server.ask('HDEL', 'radiotracer:{pacs}:entries', `${id} node-1`);
    await server.ask('HSET', 'radiotracer:{pacs}:entries', 'another node-1', '{}');
    const [key, member] = isLeased ? ['leases', `${id} node-1`] : ['due:node-1', id];
    await server.ask('ZADD', `radiotracer:{pacs}:${key}`, String(score), member);
    await queue.reclaimExpired(later);
    expect((await queue.health()).generation).not.toBe(generation);
    expect(await queue.rebuild('node-1', listed([sampleEntry(0)]), later)).toMatchObject({ added: 1 });
    expect(await queue.claim({ ...claim, now: later })).toHaveLength(1);
  });

  it('lost in part, and the one who found it cannot tell the others: whoever looks next does', async () => {
    const [finder, other] = [open(), open()];
    await finder.add(sampleEntry(0));
    const { generation } = await other.health();
    await server.ask('DEL', 'radiotracer:{pacs}:due:node-1');
    await server.ask('ACL', 'SETUSER', 'default', '-del');
    expect(await codeOf(finder.reclaimExpired(now))).toBe('refused');
    await finder.close();
    await server.ask('ACL', 'SETUSER', 'default', '+del');
    expect((await other.counts())[0]?.states.waiting.entries).toBe(0);
    await other.reclaimExpired(now);
    const told = (await other.health()).generation;
    expect(told).not.toBe(generation);
    // Once is enough.
    await other.add(sampleEntry(0));
    expect(await other.reclaimExpired(now)).toBe(0);
    expect((await other.health()).generation).toBe(told);
  }, 60_000);

  it('emptied, and the destination cannot be written down again: it is with the next entry', async () => {
    const queue = open();
    await queue.add(sampleEntry(0));
    await server.ask('FLUSHALL');
    await server.ask('ACL', 'SETUSER', 'default', 'resetkeys', '~radiotracer:{*');
    expect(await codeOf(queue.add(sampleEntry(0)))).toBe('refused');
    await server.ask('ACL', 'SETUSER', 'default', 'allkeys');
    await queue.add(sampleEntry(1));
    expect((await queue.counts())[0]?.states.waiting.entries).toBe(2);
  }, 60_000);

  it('what was forgotten while it was being sent, and arrived, does not hide the rest of its study', async () => {
    const queue = open();
    const entries = Array.from({ length: 12 }, (_, n) => sampleEntry(n, {}, 12));
    for (const entry of entries) await queue.add(entry);
    const claimed = await queue.claim({ ...claim, limit: 5 });
    await server.ask('DEL', 'radiotracer:{pacs}:tally');
    await queue.reclaimExpired(now);
    await queue.settleMany(
      claimed.map(({ lease }) => ({ lease, outcome: { kind: 'delivered' } })),
      now,
    );
    await queue.rebuild('node-1', listed(entries.slice(5)), now);
    const ids: string[] = [];
    let cursor: PageCursor | undefined;
    do {
      const page: QueuePage = await queue.page({ studyKey: sampleEntry(0).studyKey }, cursor, 2);
      ids.push(...page.entries.map(({ id }) => id));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(ids).toEqual(entries.slice(5).map(({ id }) => id));
  }, 60_000);

  it('without the list of destinations a rebuild says again which there are', async () => {
    const queue = open();
    await queue.add(sampleEntry(0));
    await server.ask('DEL', 'radiotracer:destinations');
    expect(await queue.counts()).toEqual([]);
    await queue.rebuild('node-1', listed([sampleEntry(0)]), now);
    expect(await queue.counts()).toMatchObject([{ states: { waiting: { entries: 1 } } }]);
  }, 60_000);

  it('behind Sentinel: the master is asked for, and asked for again after a failover', async () => {
    const replica = await RedisServer.start('--replicaof', '127.0.0.1', String(server.port));
    const sentinel = await RedisServer.startSentinel('m', server.port);
    try {
      const sentinels = [{ host: '127.0.0.1', port: sentinel.port }];
      const queue = open({ server: { kind: 'sentinel', options: { sentinels, name: 'm' } }, connectWaitMs: 5_000 });
      expect(await queue.add(sampleEntry(0))).toBe('added');
      await until('the replica to be known and in step', async () => {
        const known = JSON.stringify(await sentinel.ask('SENTINEL', 'REPLICAS', 'm'));
        return known.includes(String(replica.port)) && (await replica.ask('EXISTS', 'radiotracer:destinations')) === 1;
      });
      const { generation } = await queue.health();
      await sentinel.ask('SENTINEL', 'FAILOVER', 'm');
      await until('the replica to be the master', async () => JSON.stringify(await replica.ask('ROLE')).includes('master'));
      await server.down();
      await back(queue);
      expect(await queue.add(sampleEntry(1))).toBe('added');
      expect((await queue.claim(claim)).map(({ entry }) => entry.id)).toEqual([sampleEntry(0).id, sampleEntry(1).id]);
      // The replica may have lagged behind.
      expect((await queue.health()).generation).not.toBe(generation);
    } finally {
      await sentinel.end();
      await replica.end();
    }
  }, 60_000);
});

it.each([
  ['ReplyError', "READONLY You can't write against a read only replica.", 'refused'],
  ['ReplyError', "OOM command not allowed when used memory > 'maxmemory'. script: f0, on @user_script:25.", 'refused'],
  ['ReplyError', 'ERR Error running script (call to f_0): @user_script:5: @user_script: 5: -OOM command not allowed', 'refused'],
  ['ReplyError', 'LOADING Redis is loading the dataset in memory', 'not-ready'],
  ['ReplyError', 'CLUSTERDOWN Hash slot not served', 'not-ready'],
  ['ReplyError', 'MISCONF Redis is configured to save RDB snapshots', 'refused'],
  ['ReplyError', 'WRONGTYPE Operation against a key holding the wrong kind of value', 'refused'],
  ['MaxRetriesPerRequestError', 'Reached the max retries per request limit', 'disconnected'],
  ['Error', 'Connection is closed.', 'disconnected'],
  ['ClusterAllFailedError', 'Failed to refresh slots cache.', 'disconnected'],
])('%s "%s" means %s', (name, message, code) => {
  expect(redisFault(Object.assign(new Error(message), { name }))).toMatchObject({ name: 'QueueUnavailable', code });
});

it('of a connection that was lost is said that it was: not which option of the client is to be looked up', () => {
  const message = 'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.';
  const fault = redisFault(Object.assign(new Error(message), { name: 'MaxRetriesPerRequestError' }));
  expect(fault).toMatchObject({ code: 'disconnected', message: 'Redis: the connection was lost' });
});

it('what a server quotes of a command is not passed on: the log tells what it says', () => {
  const message = "NOPERM this user has no permissions to run the 'evalsha' command, with args beginning with: 'c2' '1.2.3'";
  const fault = redisFault(Object.assign(new Error(message), { name: 'ReplyError' }));
  expect(fault).toMatchObject({ code: 'refused', message: "Redis: NOPERM this user has no permissions to run the 'evalsha' command" });
});

it.each([
  ['ReplyError', 'ERR value is not an integer or out of range script: c2, on @user_script:21.'],
  ['ReplyError', "ERR unknown command 'evalsha', with args beginning with: 'c2' '1' 'radiotracer:{pacs}' 'OOM' "],
  ['TypeError', 'undefined is not a function'],
])('%s "%s" is a fault of ours and stays as it is', (name, message) => {
  const error = Object.assign(new Error(message), { name });
  expect(redisFault(error)).toBe(error);
});
