/** What every home of a ledger must do, asked of all of them. */
import fc from 'fast-check';
import { Integrity } from '../integrity.ts';
import type { LedgerHome, RecordWrite } from '../ledger/home.ts';
import { Ledger } from '../ledger/ledger.ts';
import { MemoryHome } from '../memory/memory-home.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { jsonReader, type Sent, sent, slices, start } from '../testing/scene.ts';
import { HOMES, type TestHome } from './homes.ts';

const keys = ['s:1', 's:2', 's:10', 'd:mpps:1', 's:'];
const ids = ['i:1', 'i:2', 's:1', 'i:30', 'd:mpps:1'];
const shelves = ['open', 'short', 'quiet'];
const time = fc.nat(20);
const write = fc.record({
  key: fc.constantFrom(...keys),
  /** Of another moment, or none. */
  isStale: fc.boolean(),
  head: fc.string({ unit: 'binary', maxLength: 5 }),
  rows: fc.uniqueArray(fc.tuple(fc.constantFrom(...ids), fc.string({ unit: 'grapheme', maxLength: 5 })), {
    selector: ([id]) => id,
    maxLength: 4,
  }),
  dueAt: fc.option(time, { nil: undefined }),
  shelf: fc.option(fc.constantFrom(...shelves), { nil: undefined }),
  at: time,
});
type Step =
  | { readonly kind: 'store'; readonly writes: readonly (typeof write extends fc.Arbitrary<infer Value> ? Value : never)[] }
  | { readonly kind: 'remove'; readonly before: number; readonly limit: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('store' as const),
      writes: fc.uniqueArray(write, { selector: ({ key }) => key, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), before: time, limit: fc.integer({ min: 1, max: 3 }) }) },
);

/** Everything that a home tells. */
async function told(home: LedgerHome) {
  const all = await home.load(keys.map((key) => ({ key, rows: 'all' })));
  const some = await home.load(keys.map((key) => ({ key, rows: ['i:2', 'none', 'i:1'] })));
  const sorted = (rows: ReadonlyMap<string, string>) => [...rows].sort(([one], [other]) => (one < other ? -1 : 1));
  const pages = [];
  for (const wanted of [shelves, ['short'], []]) {
    const read = [];
    for (let after: { at: number; key: string } | undefined, left = 10; left > 0; left -= 1) {
      const page = await home.page(wanted, { from: 3, until: 17 }, after, 2);
      read.push(...page);
      after = page.at(-1);
      if (page.length < 2) break;
    }
    pages.push(read);
  }
  return {
    all: all.map((record) => ({ ...record, rows: sorted(record.rows) })),
    some: some.map((record) => ({ ...record, rows: sorted(record.rows) })),
    due: [(await home.due(5, 10)).toSorted(), (await home.due(20, 10)).toSorted(), (await home.due(20, 2)).length],
    pages,
    where: sorted((await home.where([...ids, 'none'])) as never),
  };
}

describe.each(HOMES.map((kind) => [kind.missing === undefined ? kind.name : `${kind.name} (skipped: ${kind.missing})`, kind] as const))(
  '%s',
  (_name, { missing, runs, start: startHome }) => {
    const test = missing === undefined ? it : it.skip;
    let homes: TestHome;
    let count = 0;
    if (missing === undefined) {
      beforeAll(async () => {
        homes = await startHome();
      }, 30_000);
      afterAll(() => homes.end());
    }

    test('does as the model does', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
          count += 1;
          const home = await homes.open(count);
          const model = new MemoryHome();
          try {
            for (const one of steps) {
              if (one.kind === 'remove') {
                const removed = await home.remove(one.before, one.limit);
                // Which of the old ones go first is the home's: all go in the end.
                const rest = await home.remove(one.before, 100);
                const all = await model.remove(one.before, 100);
                expect(removed.records).toBeLessThanOrEqual(one.limit);
                expect([removed.records + rest.records, removed.rows + rest.rows]).toEqual([all.records, all.rows]);
                continue;
              }
              const known = await home.load(one.writes.map(({ key }) => ({ key, rows: 'all' })));
              const writes = one.writes.map(({ isStale, rows, ...rest }, index): RecordWrite => {
                const revision = (known[index]?.revision ?? 0) + (isStale ? 1 : 0);
                const freshRows = rows.map(([id]) => id).filter((id) => known[index]?.rows.has(id) !== true);
                return { ...rest, revision, rows: new Map(rows), freshRows };
              });
              const results = await home.store(writes);
              expect(results).toEqual(one.writes.map(({ isStale }) => (isStale ? 'stale' : 'stored')));
              await model.store(writes.filter((_, index) => results[index] === 'stored'));
            }
            expect(await told(home)).toEqual(await told(model));
          } finally {
            await home.close();
          }
        }),
        { numRuns: runs },
      );
    }, 60_000);

    test('loses nothing when several write to one study at a time', async () => {
      count += 1;
      const lifetime = { quietPeriodMs: 1000, settleMs: 10, studyRolloverMs: 1000 };
      const clock = new ManualClock(start);
      const engines = await Promise.all(
        [1, 2, 3].map(async (node) => {
          const home = await homes.open(count);
          return new Integrity({ home, clock, reader: jsonReader, node: `n${node}`, siteKey: new Uint8Array(32), ...lifetime });
        }),
      );
      const list = slices(90);
      for (const [index, one] of list.entries()) engines[index % 3]?.publish(sent(one));
      await Promise.all(engines.map((engine) => engine.flush()));
      const page = await engines[0]?.ledger.page('1.2.1');
      expect(page?.instances).toHaveLength(90);
      expect(page?.study).toMatchObject({ instances: 90, nodes: ['n1', 'n2', 'n3'], state: 'open' });
      await Promise.all(engines.map((engine) => engine.stop()));
    }, 30_000);

    test('finds studies by accession number, however they changed, and whatever a peer puts there', async () => {
      count += 1;
      const clock = new ManualClock(start);
      const home = await homes.open(count);
      const integrity = new Integrity({ home, clock, reader: jsonReader, node: 'n1', siteKey: new Uint8Array(32) });
      const tell = async (...list: readonly Sent[]) => {
        for (const one of list) integrity.publish(sent(one));
        await integrity.flush();
      };
      await tell({ uid: '1', study: '1.1', accessionNumber: 'A 1' }, { uid: '2', study: '1.2', accessionNumber: '%_é:{}' });
      await tell({ uid: '3', study: '1.1', accessionNumber: 'B' }, { uid: '4', study: '1.3', accessionNumber: 'A 1' });
      const { ledger } = integrity;
      expect(await ledger.studiesOfAccession('A 1')).toEqual(['1.1', '1.3']);
      expect(await ledger.studiesOfAccession('B')).toEqual(['1.1']);
      expect(await ledger.studiesOfAccession('%_é:{}')).toEqual(['1.2']);
      expect(await ledger.studiesOfAccession('%')).toEqual([]);
      expect(await ledger.study('1.1')).toEqual((await ledger.page('1.1'))?.study);
      expect(await ledger.study('9')).toBeUndefined();
      expect(await ledger.page('1.1')).toMatchObject({ study: { instances: 2, accessionNumbers: ['A 1', 'B'] }, documents: [] });
      // Each less than the one before, so that it takes its place in the facts.
      for (let n = 0; n < 40; n += 1) await tell({ uid: `5.${n}`, study: '1.4', accessionNumber: `N${99 - n}` });
      const rows = (await home.load([{ key: 's:1.4', rows: 'all' }]))[0]?.rows ?? new Map();
      expect([...rows.keys()].filter((id) => id.startsWith('a:'))).toHaveLength(8);
      await integrity.stop();
    }, 30_000);

    test('closes a study once, whoever looks, and keeps it over a restart', async () => {
      count += 1;
      const clock = new ManualClock(start);
      const closed: string[] = [];
      const open = async (node: string) =>
        new Integrity({
          ...{ home: await homes.open(count), clock, reader: jsonReader, node, siteKey: new Uint8Array(32) },
          listener: { closed: ({ uid }) => closed.push(uid) },
        });
      const engines = await Promise.all(['n1', 'n2', 'n3'].map(open));
      const uids = Array.from({ length: 20 }, (_, index) => `1.2.${index}`);
      for (const [index, study] of uids.entries()) engines[index % 3]?.publish(sent({ uid: `${study}.1.1`, series: `${study}.1`, study }));
      await Promise.all(engines.map((engine) => engine.flush()));
      clock.pass(61_000);
      await Promise.all(engines.map((engine) => engine.tick()));
      expect(closed.sort()).toEqual([...uids].sort());
      await Promise.all(engines.map((engine) => engine.stop()));

      const ledger = new Ledger({ home: await homes.open(count), quietPeriodMs: 0, settleMs: 0, studyRolloverMs: 0 });
      expect((await ledger.list({ states: ['quiet'] }, undefined, 100)).studies).toHaveLength(20);
      expect((await ledger.list({ states: ['open'] }, undefined, 100)).studies).toHaveLength(0);
      const pages: string[] = [];
      for (let after: Awaited<ReturnType<Ledger['list']>>['next'], isFirst = true; isFirst || after !== undefined; isFirst = false) {
        const page = await ledger.list({}, after, 7);
        pages.push(...page.studies.map(({ uid }) => uid));
        after = page.next;
      }
      expect(pages.sort()).toEqual([...uids].sort());
      // Each has one instance, one series and one accession number; beside them the modality with an hour and a week, and when somebody watched.
      expect(await ledger.removeBefore(start + 1_000_000, 100)).toEqual({ records: 22, rows: 62 });
      expect(await ledger.studiesOfInstances(['1.2.3.1.1'])).toEqual(new Map());
      expect(await ledger.studiesOfAccession('A1')).toEqual([]);
      await ledger.close();
    }, 30_000);
  },
);
