import fc from 'fast-check';
import type { EntryKey, EntryState, NewEntry } from '../entry.ts';
import type { QueuePage, SpoolTelling } from '../queue.ts';
import { addArbitrary, commandArbitraries } from './arbitraries.ts';
import { startClaimer } from './claimer-process.ts';
import { assertSame, commands, LIMITS, listed } from './commands.ts';
import { HOMES, type TestHome } from './homes.ts';
import { QueueModel } from './model.ts';
import { until } from './redis-server.ts';
import { sampleEntry } from './sample.ts';

/** Set it to see a failure again; every run is printed with its own. */
const seed = process.env['QUEUE_SEED'] === undefined ? {} : { seed: Number(process.env['QUEUE_SEED']) };
/** Multiplies the number of runs. */
const effort = Number(process.env['QUEUE_EFFORT'] ?? 1);

for (const kind of HOMES) {
  const describeHome = kind.missing === undefined ? describe : describe.skip;
  describeHome(`a queue in ${kind.name}${kind.missing === undefined ? '' : ` (skipped: ${kind.missing})`}`, () => {
    let home: TestHome;
    let schedules = 0;
    beforeAll(async () => {
      home = await kind.start();
    }, 60_000);
    afterAll(() => home.end());

    it('does what the model does, whatever comes in whatever order', async () => {
      const first = fc.array(addArbitrary, { size: 'xlarge', maxLength: 25 });
      const then = fc.commands(commandArbitraries, { size: 'xlarge', maxCommands: 80 });
      const runs = fc.asyncProperty(first, then, async (adds, commands) => {
        const queue = home.open(++schedules);
        const model = new QueueModel();
        try {
          for (const add of adds) await add.run(model, queue);
          await fc.asyncModelRun(() => ({ model, real: queue }), commands);
          await assertSame(model, queue);
        } finally {
          await queue.close();
        }
      });
      await fc.assert(runs, { numRuns: kind.share * effort, ...seed });
    }, 600_000);

    it('remembers a long life as the model does: many attempts, dead, back again, rebuilt', async () => {
      const queue = home.open(++schedules);
      const model = new QueueModel();
      const spool = [sampleEntry(1, { destinationId: 'a', receivedAt: 0 })];
      const outcome = { error: { errorType: 'timeout' }, possibleDuplicate: true };
      const fail = (kind: 'retry' | 'dead') => [
        commands.claim('a', undefined, 20_000, 1),
        commands.clock(10),
        commands.settle(0, (now) => (kind === 'dead' ? { kind, ...outcome } : { kind, ...outcome, dueAt: now + 1_000 })),
      ];
      const life = [
        ...spool.map((entry) => commands.add(entry, undefined)),
        ...Array.from({ length: 25 }, () => [...fail('retry'), commands.clock(1_000)]).flat(),
        ...fail('dead'),
        commands.verb('retry', { errorType: 'timeout' }),
        commands.clock(5_000),
        ...fail('retry'),
        // Tried, and due ahead: that is a delay somebody meant, and a rebuild leaves it.
        commands.rebuild('node-1', spool),
        commands.clock(1_000),
        ...fail('retry'),
        // Tried in time to come, by a clock that has been set back since: what was due by it would wait for as long as it was ahead.
        commands.clock(-3_600_000),
        commands.rebuild('node-1', spool),
        ...fail('retry'),
        commands.verb('retry', {}),
        commands.claim('a', undefined, 20_000, 1),
        // It runs out by a clock that has been set back: what was due when it was taken still is.
        commands.clock(-90_000),
        commands.reclaim(),
        commands.clock(20_000),
        commands.reclaim(),
      ];
      for (const step of life) {
        await step.run(model, queue);
        await assertSame(model, queue);
      }
      await queue.close();
    }, 60_000);

    it('parts entries of one id by destination and owner, wherever a page ends', async () => {
      const queue = home.open(++schedules);
      const model = new QueueModel();
      for (const id of ['A', 'A!', 'B']) {
        for (const destinationId of ['a', '%7Bc%7D', '{c}']) {
          for (const ownerId of ['node 1', 'node-1', 'z']) {
            await commands.add(sampleEntry(0, { id, destinationId, ownerId, studyKey: '1.2' }), undefined).run(model, queue);
          }
        }
      }
      await commands.verb('hold', { ids: ['A!'] }).run(model, queue);
      for (const filter of [{}, { studyKey: '1.2' }, { state: 'waiting' }, { ids: ['A', 'B'] }, { ownerId: 'z' }] as const) {
        for (const limit of [1, 2, 4, 100]) await commands.page(filter, limit).run(model, queue);
      }
      // Those that arrived first first, whoever's they are.
      for (const [id, ownerId] of [
        ['A!', 'node 1'],
        ['AA', 'node-1'],
        ['A', 'z'],
        ['A', 'node-1'],
      ] as const) {
        await commands.add(sampleEntry(0, { id, destinationId: 'd', ownerId, studyKey: '' }), undefined).run(model, queue);
      }
      for (let n = 0; n < 4; n++) await commands.claim('d', undefined, 1, 1).run(model, queue);
      await queue.close();
    }, 60_000);

    it('tells, page by page, what stands still once, whatever comes and goes around it', async () => {
      const queue = home.open(++schedules);
      const still = Array.from({ length: 300 }, (_, n) => sampleEntry(3 * n, { destinationId: n % 2 === 0 ? 'pacs' : 'vna' }));
      for (const entry of still) await queue.add(entry);
      const told: string[] = [];
      let cursor: string | undefined;
      let n = 1;
      do {
        const page: QueuePage = await queue.page({ callingAeTitle: 'CT1' }, cursor, 20);
        told.push(...page.entries.map(({ id }) => id));
        cursor = page.next;
        // Before and behind the cursor; one comes and one goes; states change.
        for (const id of [n, 895 - n]) await queue.add(sampleEntry(3 * id + 1, { callingAeTitle: 'MR1', bytes: 1 }));
        await queue.remove({ ids: [sampleEntry(3 * n + 1).id] }, 1);
        await queue[n % 2 === 0 ? 'hold' : 'release']({ studyKey: sampleEntry(3 * n).studyKey }, 1);
        n++;
      } while (cursor !== undefined);
      expect(told).toEqual(still.map(({ id }) => id));
      await queue.close();
    }, 60_000);

    it('reads on in bounded steps where few of many match', async () => {
      const queue = home.open(++schedules);
      await queue.rebuild(
        'node-1',
        listed(Array.from({ length: 9_000 }, (_, n) => sampleEntry(n, n % 3_000 === 7 ? { modality: 'MR' } : {}, 600))),
        1,
      );
      const pages: QueuePage[] = [];
      do pages.push(await queue.page({ modality: 'MR' }, pages.at(-1)?.next, 10));
      while (pages.at(-1)?.next !== undefined);
      expect(pages.length).toBeGreaterThan(1);
      expect(pages.flatMap(({ entries }) => entries.map(({ id }) => id))).toEqual([7, 3_007, 6_007].map((n) => sampleEntry(n).id));
      expect(await queue.remove({ modality: 'MR' }, 1)).toEqual({ changed: 3, leased: 0 });
      expect((await queue.counts())[0]?.states.waiting).toMatchObject({ entries: 8_997, bytes: 8_997 * 524_288 });
      // More of one study than a step takes: its first half held, its last due before all others.
      const { id: last, studyKey } = sampleEntry(8_999, {}, 600);
      expect(await queue.hold({ studyKey }, 1)).toEqual({ changed: 600, leased: 0 });
      await queue.release({ ids: Array.from({ length: 300 }, (_, n) => sampleEntry(8_700 + n).id) }, 1);
      await queue.retry({ ids: [last] }, 0);
      const claimed = await queue.claim({ destinationId: 'pacs', leaseHolder: 'me', leaseMs: 10_000, limit: 501, now: 1 });
      expect(claimed.slice(0, 2).map(({ entry }) => entry.id)).toEqual([8_700, 8_701].map((n) => sampleEntry(n).id));
      expect(await queue.reclaimExpired(10_001)).toBe(501);
      await queue.close();
    }, 60_000);

    it('takes nothing that is no entry, lease, time or page, and is as it was', async () => {
      const queue = home.open(++schedules);
      const now = 1_700_000_100_000;
      for (const destinationId of ['a', 'b']) await queue.add(sampleEntry(1, { destinationId }));
      const claim = { leaseHolder: 'me', leaseMs: 1, limit: 1, now };
      const [a, b] = [...(await queue.claim({ ...claim, destinationId: 'a' })), ...(await queue.claim({ ...claim, destinationId: 'b' }))];
      if (a === undefined || b === undefined) throw new Error('two were to be claimed');
      const before = await queue.page({}, undefined, 10);
      const entries = [{ id: '' }, { id: 'a b' }, { id: 'a'.repeat(129) }, { destinationId: '' }, { ownerId: 'a'.repeat(201) }];
      const numbers = [{ bytes: -1 }, { bytes: 0.5 }, { receivedAt: 0.5 }, { receivedAt: 1e14 }, { dueAt: Number.NaN }];
      const claims = [{ limit: 0 }, { limit: 10_001 }, { leaseMs: 0 }, { leaseMs: LIMITS.maxLeaseMs + 1 }, { now: -1 }];
      const unsent = { kind: 'unsent', dueAt: now } as const;
      const wrong = [
        ...[...entries, ...numbers].map((changes) => queue.add(sampleEntry(2, changes))),
        ...claims.map((changes) => queue.claim({ ...claim, destinationId: 'a', ...changes })),
        queue.extend(a.lease, 0, now),
        queue.settle(a.lease, { ...unsent, dueAt: 0.5 }, now),
        queue.settleMany(
          [a, b].map(({ lease }) => ({ lease, outcome: unsent })),
          now,
        ),
        queue.retry({}, 0.5),
        ...[0, 1_001].map((limit) => queue.page({}, undefined, limit)),
        ...['no cursor', Buffer.from('[1,2,3]').toString('base64url')].map((cursor) => queue.page({}, cursor, 1)),
      ];
      for (const answer of await Promise.allSettled<unknown>(wrong))
        expect(answer).toEqual({ status: 'rejected', reason: expect.any(RangeError) });
      expect(await queue.page({}, undefined, 10)).toEqual(before);
      await queue.close();
    }, 60_000);

    it('keeps, of half a character in what a peer has said, that there was something', async () => {
      const queue = home.open(++schedules);
      await queue.add(sampleEntry(1, { studyKey: '1.2\ud83d', callingAeTitle: '\ude00CT' }));
      const kept = [expect.objectContaining({ studyKey: '1.2\ufffd', callingAeTitle: '\ufffdCT' })];
      expect((await queue.page({ studyKey: '1.2\ufffd' }, undefined, 10)).entries).toEqual(kept);
      await queue.close();
    }, 60_000);

    it('of an id that it has for two destinations knows nothing: the spool says which; and nothing of another owner', async () => {
      const queue = home.open(++schedules);
      for (const destinationId of ['a', 'b', 'c']) await queue.add(sampleEntry(1, { destinationId }));
      const spool: SpoolTelling = async function* (known) {
        expect(await known([sampleEntry(1).id], 'waiting')).toEqual(new Set());
        yield sampleEntry(1, { destinationId: 'b' });
      };
      expect(await queue.rebuild('node-1', spool, 1)).toMatchObject({ seen: 1, added: 0, dropped: 2 });
      expect((await queue.page({}, undefined, 10)).entries).toMatchObject([{ destinationId: 'b' }]);
      await expect(queue.rebuild('node-2', listed([sampleEntry(2)]), 1)).rejects.toBeInstanceOf(RangeError);
      await queue.close();
    }, 60_000);

    it('leaves alone what was to be removed as dead, and waits by the time that its turn comes', async () => {
      const queue = home.open(++schedules);
      const dead = ['a', 'b'].map((destinationId) => sampleEntry(1, { destinationId, state: 'dead' }));
      for (const entry of dead) await queue.add(entry);
      const onChanged = async () => {
        await queue.retry({ destinationId: 'b' }, 1);
      };
      expect(await queue.remove({ state: 'dead' }, 1, { onChanged })).toEqual({ changed: 1, leased: 0 });
      // A page that is full, and the last.
      expect(await queue.page({}, undefined, 1)).toEqual({ entries: [expect.objectContaining({ destinationId: 'b', state: 'waiting' })] });
      await queue.close();
      await expect(queue.counts()).rejects.toMatchObject({ code: 'closed' });
    }, 60_000);

    it('rebuilds while it is used: what comes, goes or changes meanwhile is left alone', async () => {
      const queue = home.open(++schedules);
      const now = 1_700_000_100_000;
      const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => sampleEntry(from + n).id);
      for (let n = 0; n < 40; n++) await queue.add(sampleEntry(n));
      await queue.add(sampleEntry(60, { destinationId: 'vna' }));
      const claim = { destinationId: 'pacs', leaseHolder: 'me', leaseMs: 10_000, limit: 3, now };
      const [first, failing, unsent] = (await queue.claim(claim)).map(({ lease }) => lease);
      if (first === undefined || failing === undefined || unsent === undefined) throw new Error('three were to be claimed');
      await queue.claim({ ...claim, leaseMs: 1, limit: 1 });
      const spool = async function* () {
        // The files of 0 to 9 are gone, but for that of 1; those of 30 to 49 are not listed yet; 5 is put back, 20 held and 21 dead in the spool.
        await queue.hold({ ids: [sampleEntry(12).id, sampleEntry(4).id] }, now);
        await queue.add(sampleEntry(61, { destinationId: 'new' }));
        // What was being sent when it began. That 1 is dead now, the listing had not seen.
        await queue.settle(failing, { kind: 'dead', error: { errorType: 'refused' }, possibleDuplicate: false }, now);
        await queue.settle(unsent, { kind: 'unsent', dueAt: now }, now);
        expect(await queue.reclaimExpired(now + 1)).toBe(1);
        yield sampleEntry(1);
        for (let n = 10; n < 30; n++) {
          yield sampleEntry(n, n === 20 ? { state: 'held' } : n === 21 ? { state: 'dead' } : {});
          await queue.add(sampleEntry(n + 20));
          if (n === 29) await queue.retry({ ids: [sampleEntry(35).id] }, now);
        }
      };
      const asked: string[] = [];
      const stillInSpool = async ({ id, destinationId }: EntryKey) => {
        // Between the look and the drop.
        if (destinationId === 'vna') expect(await queue.claim({ ...claim, destinationId })).toHaveLength(1);
        return asked.push(id) > 0 && id === sampleEntry(5).id;
      };
      const moved: string[] = [];
      const onMoved = ({ id, state }: NewEntry) => moved.push(`${id} ${state}`);
      const result = await queue.rebuild('node-1', spool(), now, { stillInSpool, onMoved });
      // Not: 0 is leased, 1, 2 and 3 were, 4 was held meanwhile, 5 is there after all, 35 was touched, 60 is leased now; those that came since.
      expect(result).toEqual({ seen: 21, added: 0, moved: 2, dropped: 13 });
      expect(moved).toEqual([`${sampleEntry(20).id} held`, `${sampleEntry(21).id} dead`]);
      const left = [...ids(0, 6), ...ids(10, 30), sampleEntry(35).id, ...ids(40, 50), ...ids(60, 62)];
      expect((await queue.page({}, undefined, 1000)).entries.map(({ id }) => id)).toEqual(left);
      const inState = async (state: EntryState) => (await queue.page({ state }, undefined, 10)).entries.map(({ id }) => id);
      expect(await inState('held')).toEqual([4, 12, 20].map((n) => sampleEntry(n).id));
      expect(await inState('dead')).toEqual([1, 21].map((n) => sampleEntry(n).id));
      expect(await inState('leased')).toEqual([0, 60].map((n) => sampleEntry(n).id));
      // Those of 4 and 35 had been put back by nobody: known, touched, and so not asked for, or asked for and kept.
      expect(asked).toEqual(expect.arrayContaining([sampleEntry(5).id, sampleEntry(30).id]));
      await queue.settle(first, { kind: 'delivered' }, now);
      await queue.close();
    }, 60_000);

    if (kind.oneProcess === true) return;

    it('gives processes that claim at the same time never the same entry', async () => {
      const elsewhere = home.elsewhere?.(++schedules);
      if (elsewhere === undefined) throw new Error('this home is for one process');
      const queue = home.open(schedules);
      const now = 1_700_000_100_000;
      for (let n = 0; n < 600; n++) await queue.add(sampleEntry(n));
      const claimers = ['one', 'two', 'three'].map((holder) => startClaimer({ home: elsewhere, holder, now, leaseMs: 60_000 }));
      expect(await Promise.all(claimers.map(({ ended }) => ended))).toEqual([0, 0, 0]);
      const all = claimers.flatMap(({ ids }) => ids());
      expect(all.toSorted()).toEqual(Array.from({ length: 600 }, (_, n) => sampleEntry(n).id));
      expect(await queue.page({}, undefined, 10)).toEqual({ entries: [] });
      await queue.close();
    }, 60_000);

    it('gives what a killed process was sending to another, once its lease is over, and not before', async () => {
      const elsewhere = home.elsewhere?.(++schedules);
      if (elsewhere === undefined) throw new Error('this home is for one process');
      const queue = home.open(schedules);
      const now = 1_700_000_100_000;
      for (let n = 0; n < 30; n++) await queue.add(sampleEntry(n));
      const claimer = startClaimer({ home: elsewhere, holder: 'short-lived', now, leaseMs: 10_000, keep: 14 });
      await until('the claims', async () => claimer.ids().length >= 14);
      claimer.kill();
      await claimer.ended;
      expect(await queue.reclaimExpired(now + 9_999)).toBe(0);
      const early = await queue.claim({ destinationId: 'pacs', leaseHolder: 'heir', leaseMs: 10_000, limit: 100, now: now + 9_999 });
      expect(early).toHaveLength(16);
      expect(await queue.reclaimExpired(now + 10_000)).toBe(14);
      const late = await queue.claim({ destinationId: 'pacs', leaseHolder: 'heir', leaseMs: 10_000, limit: 100, now: now + 10_000 });
      expect(late.map(({ entry }) => entry.id)).toEqual(claimer.ids());
      expect(late[0]?.entry).toMatchObject({
        attempts: 1,
        possibleDuplicates: 1,
        firstAttemptAt: now,
        lastError: { errorType: 'lease_expired' },
      });
      await queue.close();
    }, 60_000);
  });
}
