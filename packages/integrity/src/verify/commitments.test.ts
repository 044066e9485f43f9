/** Storage commitment of what came from the spool: what is asked for, when again, and what its reports come to. */
import type { StudyCommitted, TelemetryEvent } from '@radiotracer/telemetry';
import fc from 'fast-check';
import { readWithDcmjs } from '../data-set/dcmjs-reading.ts';
import { Tag } from '../data-set/plain-data-set.ts';
import { Integrity } from '../integrity.ts';
import type { LedgerHome } from '../ledger/home.ts';
import { MemoryHome } from '../memory/memory-home.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { noFailures } from '../testing/no-failures.ts';
import { commitAnswered, delivered, jsonReader, type Sent, sent, slices, start } from '../testing/scene.ts';
import type { CommitAnswer, CommitmentAsked } from './commit-at-destination.ts';
import { encodeCommitmentRequest } from './commit-request.ts';
import type { CommitOptions } from './commit-schedule.ts';
import { isOwnTransaction, newTransactionUid } from './transaction-uid.ts';

const failed = noFailures();

const study = '1.2.1';
const processingFailure = 0x0110;
const noSuchInstance = 0x0112;

type Failed = readonly (readonly [uid: string, reason: number])[];

/** A report as the reader of these tests reads it. */
function report({ transactionUid }: CommitmentAsked, kept: readonly string[], failed: Failed = []): CommitAnswer {
  const dataSet = {
    [Tag.transactionUid]: [transactionUid],
    [Tag.referencedSopSequence]: kept.map((uid) => ({ [Tag.referencedSopInstanceUid]: [uid] })),
    [Tag.failedSopSequence]: failed.map(([uid, reason]) => ({ [Tag.referencedSopInstanceUid]: [uid], [Tag.failureReason]: [`${reason}`] })),
  };
  return { kind: 'asked', report: { bytes: Buffer.from(JSON.stringify(dataSet)), transferSyntaxUid: '' } };
}

type Answer = (asked: CommitmentAsked, count: number) => CommitAnswer;

const later: CommitAnswer = { kind: 'asked', report: undefined };

/** A site with one PACS that had a backlog. */
class Site {
  readonly clock = new ManualClock(start);
  readonly home: LedgerHome = new MemoryHome();
  readonly requests: CommitmentAsked[] = [];
  readonly finds: number[] = [];
  readonly told: StudyCommitted[] = [];
  integrity: Integrity;
  readonly #answer: Answer;
  readonly #found: readonly string[] | undefined;
  readonly #options: Partial<CommitOptions>;

  /** @param found by C-FIND; undefined: it is not asked */
  constructor(answer: Answer, found: readonly string[] | undefined, options: Partial<CommitOptions> = {}) {
    this.#answer = answer;
    this.#found = found;
    this.#options = options;
    this.integrity = this.#begin();
  }

  /** The process is another one, its ledger the same. */
  restart(): void {
    this.integrity = this.#begin();
  }

  async publish(...events: readonly TelemetryEvent[]): Promise<void> {
    for (const event of events) this.integrity.publish(event);
    await this.integrity.flush();
  }

  /** What is due is done, one thing after the other. */
  async pass(ms: number): Promise<void> {
    this.clock.pass(ms);
    for (let turn = 0; turn < 4; turn += 1) {
      await this.integrity.tick();
      await this.integrity.flush();
    }
  }

  async page() {
    const page = await this.integrity.ledger.page(study);
    if (page === undefined) throw new Error('no such study');
    return page;
  }

  #begin(): Integrity {
    const found = this.#found;
    return new Integrity({
      ...{ home: this.home, clock: this.clock, reader: jsonReader, node: 'n1', siteKey: new Uint8Array(32) },
      find:
        found === undefined
          ? undefined
          : {
              instances: async () => {
                this.finds.push(this.clock.now() - start);
                return { kind: 'found', uids: new Set(found) };
              },
              count: async () => ({ kind: 'unsupported' }),
            },
      commit: {
        ...this.#options,
        isAsked: (destinationId) => destinationId === 'pacs',
        destination: {
          ask: async (_, asked) => {
            this.requests.push(asked);
            return this.#answer(asked, this.requests.length);
          },
        },
      },
      publish: (event) => {
        if (event.type === 'study.committed') this.told.push(event);
      },
      failed,
    });
  }
}

const spooled = (count: number, of: Partial<Sent> = {}) => slices(count, { spooled: true, ...of });
const arrived = (list: readonly Sent[]) => [...list.map(sent), ...list.map((one) => delivered(one, 500))];
const uidsOf = (list: readonly { readonly uid: string }[]) => list.map(({ uid }) => uid);

it('asks for what came from the spool, and for nothing else; what is kept is confirmed', async () => {
  const backlog = spooled(5);
  const live = slices(3, {}, 6);
  const site = new Site((asked) => report(asked, uidsOf(asked.instances)), uidsOf(live), { maxInstances: 2 });
  await site.publish(...arrived(backlog), ...live.map(sent));
  await site.pass(61_000);
  expect(site.requests).toEqual([]);
  await site.pass(30_000);
  await site.pass(0);
  expect(site.requests.map(({ instances }) => uidsOf(instances))).toEqual([
    uidsOf(backlog.slice(0, 2)),
    uidsOf(backlog.slice(2, 4)),
    uidsOf(backlog.slice(4)),
  ]);
  expect(site.requests[0]?.instances[0]?.sopClassUid).toBe('1.2.840.10008.5.1.4.1.1.2');
  const { study: record, instances, documents } = await site.page();
  expect(record.verify['pacs']).toMatchObject({ outcome: 'confirmed', commitment: { outcome: 'committed', committed: 5, refused: 0 } });
  expect(record.loss).toMatchObject([{ acknowledged: 8, confirmed: 8, lost: 0 }]);
  expect(instances.filter(({ at }) => at['pacs']?.committedAt !== undefined).map(({ uid }) => uid)).toEqual(uidsOf(backlog));
  expect(site.finds).toHaveLength(1);
  // What we ask for ourselves is not what the modality said was to come.
  expect([documents, record.verdict?.source, record.reopened]).toEqual([[], 'quiet-time', 0]);
  expect(site.told.map(({ result, asked, missing }) => [result, asked, missing])).toEqual([
    ['confirmed', 2, 0],
    ['confirmed', 2, 0],
    ['confirmed', 1, 0],
  ]);
});

it('what the PACS says it has not is asked about again and then lost; what it does not keep for another reason is left to C-FIND', async () => {
  const [kept, gone, slow, busy, unnamed] = spooled(5) as [Sent, Sent, Sent, Sent, Sent];
  const all = [kept, gone, slow, busy, unnamed];
  const site = new Site(
    (asked, count) =>
      count === 1
        ? report(
            asked,
            [kept.uid],
            [
              [gone.uid, noSuchInstance],
              [slow.uid, noSuchInstance],
              [busy.uid, processingFailure],
            ],
          )
        : report(asked, count === 2 ? [slow.uid] : [], [[gone.uid, noSuchInstance]]),
    // It lists what it has not: the better source is believed.
    [gone.uid, busy.uid, unnamed.uid],
  );
  await site.publish(...arrived(all));
  await site.pass(61_000);
  await site.pass(30_000);
  expect((await site.page()).study.loss).toMatchObject([{ confirmed: 1, lost: 0 }]);
  for (let turn = 0; turn < 4; turn += 1) await site.pass(300_000);
  expect(site.requests.map(({ instances }) => uidsOf(instances))).toEqual([uidsOf(all), [gone.uid, slow.uid], [gone.uid]]);
  const { study: record, instances } = await site.page();
  expect(record.loss).toMatchObject([{ acknowledged: 5, confirmed: 4, lost: 1, lostUids: [gone.uid] }]);
  expect(record.verify['pacs']).toMatchObject({
    outcome: 'lost',
    missing: 1,
    commitment: { outcome: 'missing', committed: 2, refused: 2 },
  });
  expect(Object.fromEntries(instances.map(({ uid, at }) => [uid, at['pacs']?.commitFailure]))).toEqual({
    ...{ [kept.uid]: undefined, [gone.uid]: noSuchInstance, [slow.uid]: noSuchInstance, [busy.uid]: processingFailure, [unnamed.uid]: 0 },
  });
  expect(site.finds).toHaveLength(1);
  expect(site.told.map(({ result, missing }) => [result, missing])).toEqual([
    ['missing', 2],
    ['missing', 1],
    ['missing', 1],
  ]);
});

it('a report that comes later, to another process, finds its study; one that does not come is asked for once more, and then C-FIND decides', async () => {
  const backlog = spooled(2);
  const site = new Site(() => later, uidsOf(backlog), { reportMs: 600_000 });
  await site.publish(...arrived(backlog));
  await site.pass(61_000);
  await site.pass(30_000);
  expect(site.requests).toHaveLength(1);
  site.restart();
  await site.pass(599_000);
  expect(site.requests).toHaveLength(1);
  await site.pass(1000);
  expect(site.requests).toHaveLength(2);
  const [first, second] = site.requests as [CommitmentAsked, CommitmentAsked];
  await site.publish(commitAnswered(second.transactionUid, backlog, [], 700_000));
  await site.pass(0);
  expect((await site.page()).study.verify['pacs']).toMatchObject({ outcome: 'confirmed', commitment: { committed: 2 } });
  expect([site.finds, site.told.map(({ result }) => result)]).toEqual([[], ['unreported', 'confirmed']]);
  // It comes after all, and says otherwise: nobody waits for it any more.
  await site.publish(commitAnswered(first.transactionUid, [], backlog, 800_000));
  await site.pass(1000);
  const { study: record } = await site.page();
  expect([record.verify['pacs']?.outcome, record.loss?.[0]?.lost, record.reopened]).toEqual(['confirmed', 0, 0]);

  const silent = new Site(() => later, uidsOf(backlog), { reportMs: 600_000 });
  await silent.publish(...arrived(backlog));
  await silent.pass(61_000);
  for (const ms of [30_000, 600_000, 600_000]) await silent.pass(ms);
  expect([silent.requests.length, silent.finds.length]).toEqual([2, 1]);
  expect((await silent.page()).study.verify['pacs']).toMatchObject({ outcome: 'confirmed', commitment: { outcome: 'unreported' } });
});

it.each([
  ['refused', 2],
  ['unsupported', 1],
] as const)('a PACS that says %s is asked by C-FIND', async (kind, requests) => {
  const backlog = spooled(2);
  const site = new Site(() => ({ kind }), uidsOf(backlog));
  await site.publish(...arrived(backlog));
  for (const ms of [61_000, 30_000, 90_000, 1000]) await site.pass(ms);
  expect([site.requests.length, site.finds.length]).toEqual([requests, 1]);
  expect((await site.page()).study.verify['pacs']?.outcome).toBe('confirmed');
});

it('without C-FIND only a backlog is asked about, and what is refused stays unknown', async () => {
  const [kept, refused] = spooled(2) as [Sent, Sent];
  const site = new Site((asked) => report(asked, [kept.uid], [[refused.uid, processingFailure]]), undefined);
  await site.publish(...arrived([kept, refused]), ...slices(3, { study: '1.2.2', series: '1.2.2.1' }).map(sent));
  for (const ms of [61_000, 30_000, 1000]) await site.pass(ms);
  const { study: record } = await site.page();
  expect(record.verify['pacs']).toMatchObject({ outcome: 'unverifiable', commitment: { outcome: 'refused', committed: 1, refused: 1 } });
  expect(record.loss).toMatchObject([{ confirmed: 1, lost: 0 }]);
  expect((await site.integrity.ledger.page('1.2.2'))?.study).toMatchObject({ state: 'quiet', verify: {} });
  expect(site.requests).toHaveLength(1);
});

it('a PACS that is away is asked again, later each time, and keeps no transaction waiting', async () => {
  const backlog = spooled(2);
  const site = new Site((asked, count) => (count < 3 ? { kind: 'unreachable' } : report(asked, uidsOf(backlog))), []);
  await site.publish(...arrived(backlog));
  for (const ms of [61_000, 30_000, 90_000, 270_000]) await site.pass(ms);
  expect(site.requests).toHaveLength(3);
  expect((await site.page()).study.verify['pacs']).toMatchObject({ outcome: 'confirmed', commitment: { committed: 2, unreported: 0 } });
});

it('a study that was opened again while a report was on its way still learns what it says, and is asked about as a whole', async () => {
  const backlog = spooled(2);
  const site = new Site((asked, count) => (count === 1 ? later : report(asked, uidsOf(asked.instances))), []);
  await site.publish(...arrived(backlog));
  for (const ms of [61_000, 30_000]) await site.pass(ms);
  const more = spooled(1, { after: 95_000 }).map((one) => ({ ...one, uid: '1.2.1.1.9' }));
  await site.publish(...more.map(sent), ...more.map((one) => delivered(one, 96_000)));
  await site.publish(commitAnswered(site.requests[0]?.transactionUid ?? '', backlog, [], 97_000));
  await site.pass(0);
  const page = await site.page();
  expect(page.study.state).toBe('open');
  expect(page.instances.filter(({ at }) => at['pacs']?.committedAt !== undefined)).toHaveLength(2);
  for (const ms of [65_000, 30_000, 1000]) await site.pass(ms);
  expect(uidsOf(site.requests[1]?.instances ?? [])).toEqual(uidsOf(more));
  expect((await site.page()).study.loss).toMatchObject([{ acknowledged: 3, confirmed: 3, lost: 0 }]);
});

it('a PACS that takes its time with its reports is not asked for everything at once', async () => {
  const site = new Site(() => later, []);
  for (let index = 0; index < 40; index += 1) {
    const one = spooled(1, { study: `1.2.${index + 1}`, series: `1.2.${index + 1}.1` });
    await site.publish(...arrived(one));
  }
  await site.pass(61_000);
  await site.pass(30_000);
  expect(site.requests).toHaveLength(16);
  for (let turn = 0; turn < 10; turn += 1) await site.pass(30_000);
  expect(site.requests).toHaveLength(40);
  expect(new Set(site.requests.flatMap(({ instances }) => uidsOf(instances)))).toHaveProperty('size', 40);
});

it('Transaction UIDs of our own are known by themselves, and no others are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.nat(), (random, change) => {
      const uid = newTransactionUid(random);
      expect(uid).toMatch(/^2\.25\.[1-9][0-9]{0,38}$/);
      expect(isOwnTransaction(uid)).toBe(true);
      const digit = 5 + (change % (uid.length - 5));
      const other = `${uid.slice(0, digit)}${(Number(uid[digit]) + 1) % 10}${uid.slice(digit + 1)}`;
      expect(isOwnTransaction(other)).toBe(false);
    }),
  );
  for (const uid of ['', '2.25.', '2.25.0', '1.2.840.113619.2.5', '2.25.340282366920938463463374607431768211456'])
    expect(isOwnTransaction(uid)).toBe(false);
});

it.each([
  ['1.2.840.10008.1.2', false],
  ['1.2.840.10008.1.2.1', true],
] as const)('a request in %s is read by others as it was meant', (transferSyntaxUid, isExplicit) => {
  const asked = {
    transactionUid: '2.25.17',
    instances: [
      { uid: '1.2.3', sopClassUid: '1.2.840.10008.5.1.4.1.1.2' },
      { uid: '1.2.34', sopClassUid: '1.2.4' },
    ],
  };
  expect(readWithDcmjs(new Uint8Array(encodeCommitmentRequest(asked, isExplicit)), transferSyntaxUid)).toEqual({
    [Tag.transactionUid]: ['2.25.17'],
    [Tag.referencedSopSequence]: asked.instances.map(({ uid, sopClassUid }) => ({
      [Tag.referencedSopClassUid]: [sopClassUid],
      [Tag.referencedSopInstanceUid]: [uid],
    })),
  });
});
