/** Studies with known defects, and sound ones: exactly the verdicts, sources and findings that they deserve. */
import type { TelemetryEvent } from '@radiotracer/telemetry';
import fc from 'fast-check';
import { Integrity } from './integrity.ts';
import type { LedgerChange } from './ledger/change.ts';
import type { LedgerHome, RecordWrite } from './ledger/home.ts';
import { Ledger } from './ledger/ledger.ts';
import { MemoryHome } from './memory/memory-home.ts';
import type { IntegrityOptions } from './ports.ts';
import type { StudyPage } from './record/study-page.ts';
import { noFacts } from './record/study-record.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { noFailures } from './testing/no-failures.ts';
import {
  commitAnswered,
  commitAsked,
  delivered,
  jsonReader,
  moved,
  type Sent,
  sent,
  slices,
  start,
  stepCreated,
  stepSet,
} from './testing/scene.ts';
import { findingsOf } from './verdict/finding.ts';
import { lossOf } from './verdict/loss.ts';
import { verdictOf } from './verdict/verdict.ts';
import type { SeriesOwed } from './verify/find-at-destination.ts';

const failed = noFailures();

function engine(home: LedgerHome, clock: ManualClock, options: Partial<IntegrityOptions> = {}): Integrity {
  return new Integrity({
    ...{ home, clock, reader: jsonReader, node: 'n1', siteKey: new Uint8Array(32), soon: (call) => void setImmediate(call) },
    failed,
    ...options,
  });
}

/** Time goes by, as far as it takes for everything to be over. */
async function settle(integrity: Integrity, clock: ManualClock): Promise<void> {
  await integrity.flush();
  for (const ms of [0, 1000, 2000, 60_000, 1000, 120_000, 600_000, 1_200_000, 90_000_000, 1000]) {
    clock.pass(ms);
    await integrity.tick();
    await integrity.tick();
    await integrity.flush();
  }
}

async function pageAfter(events: readonly TelemetryEvent[], study = '1.2.1'): Promise<StudyPage> {
  const clock = new ManualClock(start);
  const integrity = engine(new MemoryHome(), clock);
  for (const event of events) integrity.publish(event);
  await settle(integrity, clock);
  const page = await integrity.ledger.page(study);
  if (page === undefined) throw new Error('no such study');
  return page;
}

/** state, source, confidence, expected/received, what is missing, what was found. */
function summary(page: StudyPage) {
  const { state, source, confidence, expected, received, missing, unexpected, notes } = page.study.verdict ?? verdictOf(page);
  return {
    state,
    by: `${source} (${confidence})`,
    count: `${received}/${expected ?? '?'}`,
    missing: [...missing.uids, ...missing.numbers],
    unexpected: unexpected.uids,
    findings: findingsOf(page).map(({ kind, count }) => `${kind} ${count}`),
    notes: notes.map(({ kind, source: by }) => `${kind} (${by})`),
  };
}

const sound = { missing: [], unexpected: [], findings: [], notes: [] };
const quiet = { ...sound, state: 'quiet', by: 'quiet-time (low)' };
const tell = (list: readonly Sent[]) => list.map(sent);
const without = (list: readonly Sent[], ...numbers: readonly number[]) => list.filter((_, index) => !numbers.includes(index + 1));
const named = (list: readonly Sent[], series = '1.2.1.1') => ({ [series]: list.map(({ uid }) => ({ uid })) });
const ten = slices(10);

const cases: readonly (readonly [string, readonly TelemetryEvent[], object])[] = [
  // Sound ones.
  ['nobody says anything', tell(ten), { ...quiet, count: '10/?' }],
  [
    'MPPS names what came',
    [stepCreated({}), ...tell(ten), stepSet({ series: named(ten) })],
    { ...sound, state: 'complete', by: 'mpps (high)', count: '10/10' },
  ],
  [
    'MPPS names what came, and the arrival of some was seen by another ledger: they were delivered to where they were acknowledged for',
    [...tell(ten.slice(4)), ...ten.slice(0, 4).map((one) => delivered(one, 500)), stepSet({ series: named(ten) })],
    { ...sound, state: 'complete', by: 'mpps (high)', count: '10/10' },
  ],
  [
    'two associations, one of them aborted and begun again',
    [...tell(slices(6)), sent({ ...slices(1, {}, 7)[0], uid: '1.2.1.1.7', cut: true }), ...tell(slices(4, { association: 'a2' }, 7))],
    { ...quiet, count: '10/?' },
  ],
  [
    'numbers from 0, or in steps, or twice per echo',
    [
      ...tell(slices(5, { series: '1.2.1.0' }, 0)),
      ...tell(slices(5, { series: '1.2.1.2' }).map((one, index) => ({ ...one, instanceNumber: 100 + 5 * index }))),
      ...tell(slices(10, { series: '1.2.1.3' }).map((one, index) => ({ ...one, instanceNumber: 1 + (index % 5) + (index === 9 ? 1 : 0) }))),
    ],
    { ...quiet, count: '20/?' },
  ],
  [
    'a count that lies: Images in Acquisition says 15 of 150',
    tell(slices(150, { imagesInAcquisition: 15 })),
    { ...quiet, count: '150/?', notes: ['self-refuted (images-in-acquisition)'] },
  ],
  [
    'a count that lies: (0020,1208) says 1386 in a lone file',
    tell(slices(1, { numberOfStudyRelatedInstances: 1386 })),
    { ...quiet, count: '1/?', notes: ['low-confidence-short (study-related-instances)'] },
  ],
  ['gaps alone', tell(without(ten, 3, 7)), { ...quiet, count: '8/?', notes: ['low-confidence-short (instance-numbers)'] }],
  [
    'a declared count alone',
    tell(slices(8, { numberOfSeriesRelatedInstances: 10 })),
    { ...quiet, count: '8/?', notes: ['low-confidence-short (series-related-instances)'] },
  ],
  [
    'two counts that agree, and numbers without a gap',
    tell(slices(8, { numberOfSeriesRelatedInstances: 10, imagesInAcquisition: 10 })),
    { ...quiet, count: '8/?', notes: ['low-confidence-short (images-in-acquisition)', 'low-confidence-short (series-related-instances)'] },
  ],
  ['an empty MPPS', [stepCreated({}), ...tell(ten), stepSet({})], { ...quiet, count: '10/?', notes: ['mpps-empty (mpps)'] }],
  ['MPPS still under way', [stepCreated({}), ...tell(ten)], { ...quiet, count: '10/?', notes: ['mpps-in-progress (mpps)'] }],
  [
    'raw data that stays at the scanner',
    [...tell(ten), stepSet({ series: { ...named(ten), '1.2.1.9': [{ uid: '1.2.1.9.1', sopClassUid: '1.2.840.10008.5.1.4.1.1.66' }] } })],
    { ...sound, state: 'complete', by: 'mpps (high)', count: '10/10', notes: ['not-for-storage (mpps)'] },
  ],
  [
    'PET, dynamic',
    tell(slices(12, { modality: 'PT', numberOfSlices: 4, numberOfTimeSlices: 3 })),
    { ...sound, state: 'complete', by: 'pet (medium-high)', count: '12/12' },
  ],
  ['commitment of everything', [...tell(ten), commitAsked('8.1', ten), commitAnswered('8.1', ten, [])], { ...quiet, count: '10/?' }],
  [
    'one image to two destinations',
    [...tell(slices(3)), ...tell(slices(3, { destination: 'workstation', association: 'a3' }))],
    { ...quiet, count: '3/?' },
  ],
  [
    'a failed move of a study that came',
    [...tell(ten), moved('1.2.1', { completed: 8, failed: 2 }, ['1.2.1.1.1'])],
    { ...quiet, count: '10/?', notes: ['retrieve-incomplete (retrieve)'] },
  ],

  // Short ones, and others.
  [
    'MPPS names more',
    [...tell(without(ten, 4, 9)), stepSet({ series: named(ten) })],
    {
      ...sound,
      state: 'short',
      by: 'mpps (high)',
      count: '8/10',
      missing: ['1.2.1.1.4', '1.2.1.1.9'],
      notes: ['overruled (instance-numbers)'],
    },
  ],
  [
    'MPPS names a series of which nothing came',
    [...tell(ten), stepSet({ series: { ...named(ten), '1.2.1.5': [{ uid: '1.2.1.5.1' }] } })],
    { ...sound, state: 'short', by: 'mpps (high)', count: '10/1', missing: ['1.2.1.5.1'] },
  ],
  [
    'MPPS names fewer',
    [...tell(ten), stepSet({ series: named(ten.slice(0, 8)) })],
    { ...sound, state: 'excess', by: 'mpps (high)', count: '10/8', unexpected: ['1.2.1.1.10', '1.2.1.1.9'] },
  ],
  [
    'discontinued',
    [stepCreated({}), ...tell(slices(4)), stepSet({ status: 'DISCONTINUED', series: named(slices(5)) })],
    { ...sound, state: 'discontinued', by: 'mpps (high)', count: '4/5', missing: ['1.2.1.1.5'], notes: ['discontinued-missing (mpps)'] },
  ],
  [
    'discontinued, then done again',
    [
      ...tell(slices(4)),
      stepSet({ status: 'DISCONTINUED', series: named(slices(4)) }),
      ...tell(slices(9, { series: '1.2.1.2' })),
      stepSet({ uid: '9.2', series: named(slices(9, { series: '1.2.1.2' }), '1.2.1.2') }),
    ],
    { ...sound, state: 'complete', by: 'mpps (high)', count: '13/9' },
  ],
  [
    'a declared count of 30, and 28 with gaps',
    tell(without(slices(30, { numberOfSeriesRelatedInstances: 30 }), 7, 19)),
    { ...sound, state: 'short', by: 'instance-numbers (medium)', count: '28/30', missing: [7, 19] },
  ],
  [
    'a part of a concatenation',
    tell(slices(2, { concatenationUid: '7.1', inConcatenationTotalNumber: 3 })),
    { ...sound, state: 'short', by: 'concatenation (high)', count: '2/3' },
  ],
  [
    'PET, a time slice short',
    tell(slices(11, { modality: 'PT', numberOfSlices: 4, numberOfTimeSlices: 3 })),
    { ...sound, state: 'short', by: 'pet (medium-high)', count: '11/12' },
  ],
  [
    'committed, and never sent',
    [...tell(without(ten, 5)), commitAsked('8.1', ten)],
    {
      ...sound,
      state: 'short',
      by: 'storage-commitment (high)',
      count: '9/10',
      missing: ['1.2.1.1.5'],
      notes: ['overruled (instance-numbers)'].slice(1).concat(['low-confidence-short (instance-numbers)']),
    },
  ],
  [
    'a move that failed, of a study that only the PACS has',
    [moved('1.2.1', { completed: 8, failed: 2 }, ['1.2.7.1', '1.2.7.2'])],
    { ...sound, state: 'short', by: 'retrieve (high)', count: '0/10', missing: ['1.2.7.1', '1.2.7.2'] },
  ],

  // Inconsistent ones.
  [
    'the same UID with other bytes',
    [...tell(slices(3, { checksum: 'crc32:1' })), sent({ uid: '1.2.1.1.2', instanceNumber: 2, checksum: 'crc32:2' })],
    { ...quiet, count: '3/?', findings: ['content-differs 1', 'duplicate-send 1'] },
  ],
  [
    'sent twice',
    [...tell(slices(3)), ...tell(slices(3, { association: 'a2' }))],
    { ...quiet, count: '3/?', findings: ['duplicate-send 3'] },
  ],
  [
    'the same to another destination in another transfer syntax',
    [...tell(slices(3)), ...tell(slices(3, { destination: 'archive', transferSyntaxUid: '1.2.840.10008.1.2.4.70', bytes: 700 }))],
    { ...quiet, count: '3/?' },
  ],
  ['refused, and sent again', [...tell(slices(3, { status: 0xa700 })), ...tell(slices(3))], { ...quiet, count: '3/?' }],
  [
    'mixed patients',
    [...tell(slices(2)), ...tell(slices(2, { series: '1.2.1.2', patientId: 'P2' }))],
    { ...quiet, count: '4/?', findings: ['two-patients 1'] },
  ],
  [
    'a series of two modalities and two frames of reference',
    [sent({ uid: '1.1', frameOfReferenceUid: '5.1' }), sent({ uid: '1.2', frameOfReferenceUid: '5.2', modality: 'MR' })],
    { ...quiet, count: '2/?', findings: ['modality-changes 1', 'frame-of-reference-changes 1'] },
  ],
  [
    'command unlike data set, bad UIDs, a private syntax, a cut',
    [
      sent({ uid: '1.1', dataSetUid: '1.2' }),
      sent({ uid: '1.3', dataSetClassUid: '1.2.840.10008.5.1.4.1.1.4' }),
      sent({ uid: '1.4', dataSetUid: undefined }),
      sent({ uid: `1.${'5'.repeat(64)}` }),
      sent({ uid: '1.6', transferSyntaxUid: '1.3.46.670589.33.1.4.1' }),
      sent({ uid: '1.7', cutShort: true }),
    ],
    {
      ...quiet,
      count: '6/?',
      findings: [
        'instance-uid-mismatch 1',
        'class-uid-mismatch 1',
        'uid-missing 1',
        'uid-malformed 1',
        'private-transfer-syntax 1',
        'data-set-cut-short 1',
      ],
    },
  ],
];

it.each(cases)('%s', async (_name, events, expected) => {
  expect(summary(await pageAfter(events))).toEqual(expected);
});

it('says of a study that it has forgotten, and of which it sees a delivery, that it cannot say', async () => {
  const one = { uid: '1.2.1.1.1', instanceNumber: 1 };
  const step = stepSet({ series: named(ten) });
  const forgotten = await pageAfter([delivered(one, 500), step]);
  expect(summary(forgotten)).toEqual({ ...quiet, count: '1/?', notes: ['ledger-incomplete (mpps)'] });
  expect(forgotten.study.incompleteSince).toBe(start);
  // It was seen to arrive, before or after the delivery was: nothing is missing of it.
  for (const events of [[delivered(one, 500), sent(one)], [sent({ ...one, spooled: true }), delivered(one, 500)], tell(ten)])
    expect((await pageAfter(events)).study.incompleteSince).toBeUndefined();
});

it('somebody retrieves it weeks later: that is no activity of its modality, and is noted', async () => {
  const clock = new ManualClock(start);
  const integrity = engine(new MemoryHome(), clock);
  for (const event of [...tell(slices(3)), stepSet({ series: named(slices(4)) })]) integrity.publish(event);
  await settle(integrity, clock);
  const before = await integrity.ledger.page('1.2.1');
  integrity.publish({ ...moved('1.2.1', { completed: 2, failed: 1 }, [], clock.now() - start), callingAeTitle: 'WORKSTATION' });
  await settle(integrity, clock);
  const after = await integrity.ledger.page('1.2.1');
  const { state, reopened, lastAt, callingAeTitles } = after?.study ?? {};
  expect([state, reopened, lastAt, callingAeTitles]).toEqual(['short', 0, before?.study.lastAt, ['SCANNER']]);
  expect(after?.study.verdict?.notes).toMatchObject([{ kind: 'retrieve-incomplete', expected: 3, received: 2 }]);
});

it('finds a series in two studies, in both', async () => {
  const clock = new ManualClock(start);
  const integrity = engine(new MemoryHome(), clock);
  integrity.publish(sent({ uid: '1.1', study: '1.2.1' }));
  await settle(integrity, clock);
  integrity.publish(sent({ uid: '1.2', study: '1.2.2', after: clock.now() - start }));
  await settle(integrity, clock);
  for (const uid of ['1.2.1', '1.2.2']) expect((await integrity.ledger.page(uid))?.study.findings).toEqual({ 'series-in-two-studies': 1 });
});

it('leaves images of other studies in an MPPS out, and notes them', async () => {
  const mine = slices(3);
  const other = slices(2, { study: '1.2.2', series: '1.2.2.1' });
  const events = [...tell(mine), ...tell(other), stepSet({ series: { ...named(mine), ...named(other, '1.2.2.1') } })];
  expect(summary(await pageAfter(events))).toEqual({
    ...sound,
    state: 'complete',
    by: 'mpps (high)',
    count: '3/3',
    notes: ['of-other-studies (mpps)'],
  });
});

it('closes a study early on the word of its modality, opens it for a late arrival, and tells both closes', async () => {
  const clock = new ManualClock(start);
  const closed: string[] = [];
  const integrity = engine(new MemoryHome(), clock, {
    listener: {
      closed: ({ state, reopened, generation }) => closed.push(`${state} ${reopened} ${generation} after ${clock.now() - start}`),
    },
  });
  for (const event of [...tell(ten), stepSet({ series: named(ten) })]) integrity.publish(event);
  await integrity.flush();
  await integrity.tick();
  await integrity.flush();
  clock.pass(2000);
  await integrity.tick();
  expect(closed).toEqual(['complete 0 0 after 2000']);
  clock.pass(86_400_001);
  integrity.publish(sent({ uid: '1.2.1.1.11', instanceNumber: 11, after: clock.now() - start }));
  await settle(integrity, clock);
  expect(closed[1]).toMatch(/^excess 1 1 after/);
  expect(closed).toHaveLength(2);
});

it('the word of one modality does not close a study while another still sends to it', async () => {
  const clock = new ManualClock(start);
  const closed: string[] = [];
  const integrity = engine(new MemoryHome(), clock, {
    listener: { closed: ({ state, instances }) => closed.push(`${state} ${instances}`) },
  });
  for (const event of [...tell(ten), stepSet({ series: named(ten) })]) integrity.publish(event);
  for (const one of slices(5, { series: '1.2.1.2', modality: 'PT' })) {
    integrity.publish(sent({ ...one, after: clock.now() - start }));
    await integrity.flush();
    for (let second = 0; second < 10; second += 1) {
      clock.pass(1000);
      await integrity.tick();
    }
  }
  expect(closed).toEqual([]);
  await settle(integrity, clock);
  expect(closed).toEqual(['complete 15']);
});

it.each([-600_000, 600_000])('the quiet period is one whatever clock the events go by: set off by %i ms', async (offMs) => {
  const clock = new ManualClock(start);
  const closed: number[] = [];
  const integrity = engine(new MemoryHome(), clock, { listener: { closed: () => closed.push(clock.now() - start) } });
  for (const one of slices(5)) {
    integrity.publish(sent({ ...one, after: clock.now() - start + offMs }));
    await integrity.flush();
    clock.pass(10_000);
    await integrity.tick();
  }
  for (let second = 0; second < 60; second += 1) {
    clock.pass(1000);
    await integrity.tick();
  }
  // The last one came at 40 s.
  expect(closed).toEqual([100_000]);
});

it('documents of a study are bounded by their bytes, and one that found no room holds nothing against its modality', async () => {
  const ledger = new Ledger({
    ...{ home: new MemoryHome(), quietPeriodMs: 0, settleMs: 0, studyRolloverMs: 0, maxDocumentBytesPerStudy: 2000 },
  });
  const step = (number: number, instances: number, at: number): LedgerChange => {
    const named = [{ uid: '1.2.1.1', instances: slices(instances).map(({ uid }) => ({ uid })) }];
    const document = { kind: 'mpps', id: `mpps:${number}`, at, ofOthers: 0, seen: 0, status: 'COMPLETED', series: named } as const;
    return { studyUid: '1.2.1', facts: noFacts, instances: [], document };
  };
  // The same again, and a later version of it, take no other room.
  for (const change of [step(1, 20, 1), step(1, 20, 1), step(1, 30, 2), step(1, 20, 1)]) await ledger.apply([change], start);
  expect((await ledger.page('1.2.1'))?.study.overflow).toBe(0);
  for (let number = 2; number < 100; number += 1) await ledger.apply([step(number, 20, 1)], start);
  const page = (await ledger.page('1.2.1')) as StudyPage;
  expect(JSON.stringify(page.documents).length).toBeLessThan(2000 + page.documents.length);
  expect(page.study.documentBytes).toBe(page.documents.reduce((sum, one) => sum + JSON.stringify(one).length, 0));
  expect(page.documents.length + page.study.overflow).toBe(99);
  expect(verdictOf(page)).toMatchObject({ state: 'quiet', notes: [{ kind: 'ledger-incomplete' }] });
});

it('a series UID that every study has keeps none of them open, also when the oldest are let go', async () => {
  const clock = new ManualClock(start);
  const integrity = engine(new MemoryHome(), clock);
  const of = (number: number) => ({ study: `1.2.${number}`, series: '1.9', uid: `1.9.${number}` });
  for (let number = 10; number < 18; number += 1) integrity.publish(sent(of(number)));
  await settle(integrity, clock);
  integrity.publish(sent({ ...of(20), after: clock.now() - start }));
  integrity.publish(sent({ ...of(19), after: clock.now() - start }));
  await settle(integrity, clock);
  await integrity.ledger.removeBefore(start + 1_000_000, 100);
  integrity.publish(sent({ ...of(20), uid: '1.9.21', after: clock.now() - start }));
  await settle(integrity, clock);
  expect((await integrity.ledger.page('1.2.20'))?.study).toMatchObject({ state: 'quiet', findings: { 'series-in-two-studies': 1 } });
});

it('tells loss: acknowledged, and dead or not at the PACS when asked with patience', async () => {
  const clock = new ManualClock(start);
  const list = slices(4, { spooled: true });
  const [first, second, third, fourth] = list as [Sent, Sent, Sent, Sent];
  const asked: number[] = [];
  const integrity = engine(new MemoryHome(), clock, {
    find: {
      instances: async () => {
        asked.push(clock.now() - start);
        return { kind: 'found', uids: new Set([first.uid]) };
      },
      count: async () => ({ kind: 'unsupported' }),
    },
    verify: { firstDelayMs: 1000, maxAttempts: 3 },
  });
  for (const event of tell(list)) integrity.publish(event);
  for (const one of [first, second, third]) integrity.publish(delivered(one, 500));
  const { outcome: _, ...facts } = delivered(fourth, 500);
  integrity.publish({
    ...facts,
    type: 'delivery.dead_lettered',
    at: start + 500,
    attempts: 3,
    errorType: 'status_failure',
    contextResult: undefined,
    quarantined: false,
  } as never);
  await settle(integrity, clock);
  const page = await integrity.ledger.page('1.2.1');
  const line = { destinationId: 'pacs', modality: 'CT', acknowledged: 4, forwarded: 3, confirmed: 1, waiting: 0, lost: 3 };
  expect(page?.study.loss).toEqual([{ ...line, lostUids: [second.uid, third.uid, fourth.uid] }]);
  expect(lossOf(page as StudyPage)).toEqual(page?.study.loss);
  // Three times, and once more a day later.
  expect(asked).toHaveLength(4);
  expect(page?.study.verify['pacs']).toMatchObject({ outcome: 'lost', attempts: 4, missing: 2 });
});

it('what was lost is found again when its PACS has it after all: one that takes its time, or that was put right', async () => {
  const clock = new ManualClock(start);
  const list = slices(3);
  const has = new Set([list[0]?.uid as string]);
  let answers = true;
  const integrity = engine(new MemoryHome(), clock, {
    find: {
      instances: async () => (answers ? { kind: 'found', uids: has } : { kind: 'unsupported' }),
      count: async () => ({ kind: 'counted', instances: 3 }),
    },
    verify: { firstDelayMs: 1000, maxAttempts: 3 },
  });
  for (const event of tell(list)) integrity.publish(event);
  await settle(integrity, clock);
  const lost = async () => (await integrity.ledger.study('1.2.1'))?.loss?.[0]?.lost;
  expect(await lost()).toBe(2);
  const later = async () => {
    clock.pass(21_600_000);
    await integrity.tick();
    await integrity.tick();
  };
  answers = false;
  await later();
  expect(await lost()).toBe(2);
  answers = true;
  for (const { uid } of list) has.add(uid);
  await later();
  expect(await lost()).toBe(0);
  expect((await integrity.ledger.study('1.2.1'))?.verify['pacs']).toMatchObject({ outcome: 'confirmed', missing: 0 });
  expect((await integrity.ledger.study('1.2.1'))?.dueAt).toBeUndefined();
});

it.each([undefined, '*'])('no destination is asked about the study %s: hanging protocols have none', async (studyInstanceUid) => {
  const clock = new ManualClock(start);
  const asked: string[] = [];
  const ask = async (_: string, study: string, series: SeriesOwed) => {
    asked.push([study, ...[...series.values()].flat()].join(' '));
    return { kind: 'found', uids: new Set(['1.2.1.1.1', '*']) } as const;
  };
  const integrity = engine(new MemoryHome(), clock, { find: { instances: ask, count: async () => ({ kind: 'unsupported' }) } });
  const event = sent({ uid: '1.9', sopClassUid: '1.2.840.10008.5.1.4.38.1' });
  integrity.publish({
    ...event,
    head: { ...(event.head as NonNullable<typeof event.head>), studyInstanceUid, seriesInstanceUid: undefined },
  });
  for (const uid of ['1.2.1.1.1', '*']) integrity.publish(sent({ uid }));
  await settle(integrity, clock);
  expect(asked).toEqual(['1.2.1 1.2.1.1.1']);
  expect((await integrity.ledger.study(studyInstanceUid ?? ''))?.loss).toMatchObject([{ forwarded: 1, lost: 0 }]);
});

it('falls back to counts where the PACS does not answer at IMAGE level', async () => {
  const clock = new ManualClock(start);
  let known = 9;
  const integrity = engine(new MemoryHome(), clock, {
    find: { instances: async () => ({ kind: 'unsupported' }), count: async () => ({ kind: 'counted', instances: known++ }) },
  });
  for (const event of tell(ten)) integrity.publish(event);
  await settle(integrity, clock);
  expect((await integrity.ledger.page('1.2.1'))?.study.verify['pacs']).toMatchObject({
    method: 'count',
    attempts: 1,
    outcome: 'confirmed-by-count',
  });
});

it('lays what storage commitment answers to each instance', async () => {
  const page = await pageAfter([...tell(slices(3)), commitAsked('8.1', slices(3)), commitAnswered('8.1', slices(2), slices(1, {}, 3))]);
  expect(page.instances.map(({ at }) => [at['pacs']?.confirmedAt !== undefined, at['pacs']?.commitFailure])).toEqual([
    [true, undefined],
    [true, undefined],
    [false, 274],
  ]);
  expect(page.study.loss).toMatchObject([{ destinationId: 'pacs', acknowledged: 3, confirmed: 2 }]);
});

it('says of a study of which events were lost that it cannot say', async () => {
  const clock = new ManualClock(start);
  const integrity = engine(new MemoryHome(), clock, { maxQueuedEvents: 12 });
  // In one turn of the event loop: nothing is looked at meanwhile.
  for (const event of tell(slices(20))) integrity.publish(event);
  await integrity.flush();
  integrity.publish(stepSet({ series: named(slices(20)) }));
  await settle(integrity, clock);
  const page = (await integrity.ledger.page('1.2.1')) as StudyPage;
  expect(integrity.stats()).toMatchObject({ dropped: 8, unwritten: 0 });
  expect(summary(page)).toMatchObject({ state: 'quiet', count: '12/?', notes: expect.arrayContaining(['ledger-incomplete (mpps)']) });
});

it('says of a study that was emptied away while it came that it cannot say, and of one that began later what is true', async () => {
  const clock = new ManualClock(start);
  const shared = new MemoryHome();
  const integrity = engine(shared, clock);
  for (const event of tell(ten.slice(0, 6))) integrity.publish(event);
  await integrity.flush();
  await shared.remove(Number.MAX_SAFE_INTEGER, 100);
  clock.pass(1000);
  const later = slices(4, { study: '1.2.2', series: '1.2.2.1' });
  for (const event of tell([...ten.slice(6), ...later.slice(1)])) integrity.publish(event);
  integrity.publish(stepSet({ series: named(ten) }));
  integrity.publish(stepSet({ uid: '9.2', studies: ['1.2.2'], series: named(later, '1.2.2.1') }));
  await settle(integrity, clock);
  const emptied = (await integrity.ledger.page('1.2.1')) as StudyPage;
  expect(summary(emptied)).toMatchObject({ state: 'quiet', count: '4/?', notes: expect.arrayContaining(['ledger-incomplete (mpps)']) });
  expect((await integrity.ledger.page('1.2.2'))?.study).toMatchObject({ state: 'short' });
  expect((await integrity.ledger.page('1.2.2'))?.study.incompleteSince).toBeUndefined();
});

it('keeps what it could not write, and writes it when the home is back', async () => {
  const clock = new ManualClock(start);
  const home = new MemoryHome();
  let isAway = true;
  const flaky: LedgerHome = Object.assign(Object.create(home) as LedgerHome, {
    load: (requests: never) => home.load(requests),
    store: async (writes: never) => {
      const results = await home.store(writes);
      // Written, and nobody knows.
      if (isAway) throw new Error('gone');
      return results;
    },
  });
  const integrity = engine(flaky, clock, { failed: () => {} });
  for (const event of tell(ten)) integrity.publish(event);
  await integrity.flush();
  expect(integrity.stats().unwritten).toBe(10);
  isAway = false;
  await integrity.flush();
  expect((await integrity.ledger.page('1.2.1'))?.study.instances).toBe(10);
});

/** What does not depend on when and how often something was told. */
const lasting = ({ study, instances, series, documents }: StudyPage) => ({
  verdict: study.verdict,
  findings: study.findings,
  loss: study.loss,
  facts: [study.patientKeys, study.callingAeTitles, study.firstAt, study.lastAt],
  ...{ instances, series, documents },
});

const scenes: readonly (readonly TelemetryEvent[])[] = [
  [
    stepCreated({}),
    ...tell(without(ten, 4)),
    stepSet({ series: named(ten) }),
    commitAsked('8.1', ten),
    commitAnswered('8.1', ten.slice(0, 3), ten.slice(4, 5)),
  ],
  [
    ...tell(slices(4)),
    ...tell(slices(4, { checksum: 'crc32:5', spooled: true })),
    ...slices(3).map((one) => delivered(one, 700)),
    stepSet({ status: 'DISCONTINUED', series: named(slices(4)) }),
  ],
  [
    ...tell(slices(3)),
    ...tell(slices(3, { study: '1.2.2' }).map((one) => ({ ...one, uid: `${one.uid}.0`, patientId: 'P2' }))),
    stepSet({ series: named(slices(3)) }),
  ],
];

it('comes to the same whatever the order of events, how often they are told, by how many nodes, and with a restart in between', async () => {
  const plain = await Promise.all(scenes.map((events) => pageAfter(events)));
  await fc.assert(
    fc.asyncProperty(
      fc.nat(scenes.length - 1).chain((scene) => {
        const events = (scenes[scene] ?? []).map((_, index) => index);
        return fc.record({
          scene: fc.constant(scene),
          order: fc.shuffledSubarray(events, { minLength: events.length }),
          again: fc.array(fc.constantFrom(...events), { maxLength: 5 }),
          nodes: fc.array(fc.nat(2), { minLength: 8, maxLength: 8 }),
          stops: fc.array(fc.nat(40), { maxLength: 3 }),
        });
      }),
      async ({ scene, order, again, nodes, stops }) => {
        const events = scenes[scene] ?? [];
        const clock = new ManualClock(start);
        const home = new MemoryHome();
        const closed: number[] = [];
        const start1 = (node: number) => engine(new MemoryHome(home), clock, { node: 'n1', listener: { closed: () => closed.push(node) } });
        const engines = [start1(0), start1(1), start1(2)];
        for (const [at, index] of [...order, ...again].entries()) {
          const event = events[index];
          const node = nodes[at % nodes.length] ?? 0;
          if (event !== undefined) engines[node]?.publish(event);
          if (!stops.includes(at)) continue;
          // Everything is looked at in between, and one of them is started anew.
          await Promise.all(engines.map((one) => one.flush()));
          clock.pass(70_000);
          await Promise.all(engines.map((one) => one.tick()));
          engines[node] = start1(node);
        }
        await Promise.all(engines.map((one) => one.flush()));
        for (const one of engines) await settle(one, clock);
        const page = await engines[0]?.ledger.page('1.2.1');
        expect(lasting(page as StudyPage)).toEqual(lasting(plain[scene] as StudyPage));
        // Once for each time that it was open.
        const studies = scene === 2 ? ['1.2.1', '1.2.2'] : ['1.2.1'];
        let opened = 0;
        for (const uid of studies) opened += 1 + ((await engines[0]?.ledger.page(uid))?.study.reopened ?? 0);
        expect(closed).toHaveLength(opened);
      },
    ),
    { numRuns: 60 },
  );
});

it('gives way between one study and the next, however many are due, and leaves the rest when it is to stop', async () => {
  const clock = new ManualClock(start);
  let turn = 0;
  const closedInTurn = new Map<number, number>();
  const closed = () => closedInTurn.set(turn, (closedInTurn.get(turn) ?? 0) + 1);
  const home = new MemoryHome();
  const integrity = engine(home, clock, { listener: { closed } });
  for (let study = 1; study <= 300; study += 1) integrity.publish(sent({ uid: `1.2.${study}.1.1`, study: `1.2.${study}` }));
  await integrity.flush();
  clock.pass(120_000);
  let goesRound = true;
  const round = () => {
    turn += 1;
    if (goesRound) setImmediate(round);
  };
  round();
  const looking = integrity.look().then(() => {
    goesRound = false;
  });
  while (goesRound && closedInTurn.size < 100) await new Promise((resolve) => setImmediate(resolve));
  const stopping = integrity.stop();
  await Promise.all([looking, stopping]);
  expect(Math.max(...closedInTurn.values())).toBe(1);
  expect(closedInTurn.size).toBeLessThan(110);
});

describe('a time of day that was set back two hours has a study closed when it has been quiet, not two hours later', () => {
  const set = 7_200_000;
  const quietFor = 60_000;

  /** Two studies, of which one goes on afterwards. */
  async function heard(home: LedgerHome, clock: ManualClock): Promise<Integrity> {
    const integrity = engine(home, clock, { quietPeriodMs: quietFor });
    for (const study of ['1.2.1', '1.2.2']) integrity.publish(sent({ uid: `${study}.1.1`, study, series: `${study}.1` }));
    await integrity.flush();
    await integrity.tick();
    return integrity;
  }

  const states = async ({ ledger }: Integrity) => {
    const { studies } = await ledger.list({}, undefined, 10);
    return studies.map(({ uid, state }) => `${uid} ${state}`).sort();
  };

  async function closes(integrity: Integrity, clock: ManualClock): Promise<void> {
    await integrity.tick();
    clock.pass(quietFor / 2);
    integrity.publish(sent({ uid: '1.2.2.1.2', study: '1.2.2', series: '1.2.2.1', after: quietFor / 2 - set }));
    await integrity.flush();
    clock.pass(quietFor / 2);
    await integrity.tick();
    expect(await states(integrity)).toEqual(['1.2.1 quiet', '1.2.2 open']);
    clock.pass(quietFor / 2);
    await integrity.tick();
    expect(await states(integrity)).toEqual(['1.2.1 quiet', '1.2.2 quiet']);
  }

  it('while it runs', async () => {
    const clock = new ManualClock(start);
    const integrity = await heard(new MemoryHome(), clock);
    clock.pass(-set);
    await closes(integrity, clock);
  });

  it('of many studies one after the other, so that what shares the thread has its turn', async () => {
    let turn = 0;
    const written = new Map<number, number>();
    class CountingHome extends MemoryHome {
      override store(writes: readonly RecordWrite[]) {
        const studies = writes.filter(({ key }) => key.startsWith('s:')).length;
        if (studies > 0) written.set(turn, (written.get(turn) ?? 0) + studies);
        return super.store(writes);
      }
    }
    const clock = new ManualClock(start);
    const integrity = engine(new CountingHome(), clock);
    for (let study = 1; study <= 100; study += 1)
      integrity.publish(sent({ uid: `1.2.${study}.1.1`, study: `1.2.${study}`, series: `1.2.${study}.1` }));
    await integrity.flush();
    clock.pass(-set);
    written.clear();
    let goesRound = true;
    const round = () => {
      turn += 1;
      if (goesRound) setImmediate(round);
    };
    round();
    await integrity.look();
    goesRound = false;
    expect([...written.values()].reduce((sum, count) => sum + count, 0)).toBe(100);
    expect(Math.max(...written.values())).toBe(1);
  });

  it('before it is started again', async () => {
    const home = new MemoryHome();
    await heard(home, new ManualClock(start));
    const clock = new ManualClock(start - set);
    await closes(engine(new MemoryHome(home), clock, { quietPeriodMs: quietFor }), clock);
  });
});
