/** What telemetry is told of studies: each root once, however many nodes there are and whenever they die. */
import type { StudyTold, TelemetryEvent } from '@radiotracer/telemetry';
import { Integrity } from '../integrity.ts';
import { MemoryHome } from '../memory/memory-home.ts';
import { removed } from '../observe.ts';
import type { IntegrityOptions } from '../ports.ts';
import type { StudyPage } from '../record/study-page.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { noFailures } from '../testing/no-failures.ts';
import { commitAsked, delivered, jsonReader, moved, sent, slices, start, stepSet } from '../testing/scene.ts';

const failed = noFailures();

const clock = () => new ManualClock(start);

function node(home: MemoryHome, time: ManualClock, told: TelemetryEvent[], options: Partial<IntegrityOptions> = {}): Integrity {
  return new Integrity({
    ...{ home: new MemoryHome(home), clock: time, reader: jsonReader, node: 'n', siteKey: new Uint8Array(32) },
    // Of modalities it tells as well.
    publish: (event) => event.type.startsWith('study.') && told.push(event),
    failed,
    ...options,
  });
}

const rootsOf = (told: readonly TelemetryEvent[]) => told.filter((event): event is StudyTold => event.type === 'study.told');

async function pass(time: ManualClock, nodes: readonly Integrity[], ...steps: readonly number[]): Promise<void> {
  for (const ms of steps) {
    time.pass(ms);
    await Promise.all(nodes.map((one) => one.tick()));
  }
}

it('tells the root of a relayed study at its close, with its series, and not again for a late arrival', async () => {
  const time = clock();
  const told: TelemetryEvent[] = [];
  const home = new MemoryHome();
  const nodes = [node(home, time, told), node(home, time, told)] as [Integrity, Integrity];
  for (const one of [...slices(3), ...slices(2, { series: '1.2.1.2', modality: 'SR' })]) nodes[0].publish(sent(one));
  await nodes[0].flush();
  await pass(time, nodes, 61_000, 1000, 10_000, 30_000, 60_000);
  expect(rootsOf(told)).toEqual([
    expect.objectContaining({
      ...{ studyInstanceUid: '1.2.1', generation: 0, modalities: ['CT', 'SR'], instances: 5, sizeBytes: 5000, undelivered: 0, lost: 0 },
      ...{ firstByteAt: start, receivedAt: start + 50, endedAt: start + 50, callingAeTitle: 'SCANNER', destinationId: 'pacs' },
      series: [
        { seriesInstanceUid: '1.2.1.1', modality: 'CT', instances: 3, sizeBytes: 3000, firstAt: start, lastAt: start + 50 },
        { seriesInstanceUid: '1.2.1.2', modality: 'SR', instances: 2, sizeBytes: 2000, firstAt: start, lastAt: start + 30 },
      ],
    }),
  ]);
  nodes[1].publish(sent({ uid: '1.2.1.1.9', after: 200_000 }));
  await nodes[1].flush();
  await pass(time, nodes, 61_000, 60_000, 60_000);
  expect(told.map(({ type }) => type)).toEqual(['study.closed', 'study.told', 'study.closed']);
  await pass(time, nodes, 86_400_001);
  nodes[0].publish(sent({ uid: '1.2.1.1.10', after: time.now() - start }));
  await nodes[0].flush();
  await pass(time, nodes, 61_000, 1000);
  expect(rootsOf(told).map(({ generation }) => generation)).toEqual([0, 1]);
  // It is about what came back: from when on, not from days before.
  const [, { firstByteAt, receivedAt, endedAt, series } = {} as StudyTold] = rootsOf(told);
  const since = time.now() - 62_000;
  expect([firstByteAt, receivedAt, endedAt, series.map(({ firstAt }) => firstAt)]).toEqual([since, since + 10, since + 10, [since, since]]);
});

it('a study that somebody retrieves, or asks to have kept safe, days later has not come back', async () => {
  const time = clock();
  const told: TelemetryEvent[] = [];
  const integrity = node(new MemoryHome(), time, told);
  const list = slices(3);
  for (const one of list) integrity.publish(sent(one));
  await integrity.flush();
  await pass(time, [integrity], 61_000, 1000, 200_000_000);
  integrity.publish(moved('1.2.1', { completed: 2, failed: 1 }, ['1.2.1.1.3'], time.now() - start));
  await integrity.flush();
  await pass(time, [integrity], 1000, 2000, 61_000, 1000);
  expect(told.map(({ type }) => type)).toEqual(['study.closed', 'study.told']);
  const { study } = (await integrity.ledger.page('1.2.1')) ?? {};
  expect(study).toMatchObject({ generation: 0, reopened: 0, verdict: { notes: [{ kind: 'retrieve-incomplete' }] } });
  integrity.publish(commitAsked('5.5', list, time.now() - start));
  await integrity.flush();
  await pass(time, [integrity], 1000, 2000, 61_000, 1000);
  expect(told.map(({ type }) => type)).toEqual(['study.closed', 'study.told', 'study.closed']);
  expect((await integrity.ledger.page('1.2.1'))?.study).toMatchObject({ generation: 0, reopened: 1 });
});

it('on the word of its modality a study is closed early, but not while an instance that was refused may be sent again', async () => {
  const time = clock();
  const told: TelemetryEvent[] = [];
  const integrity = node(new MemoryHome(), time, told);
  const list = slices(3);
  const [refused, ...taken] = list as [(typeof list)[number], ...typeof list];
  for (const event of [...taken.map(sent), sent({ ...refused, status: 0xc000 }), stepSet({ series: { '1.2.1.1': list } })])
    integrity.publish(event);
  await integrity.flush();
  await pass(time, [integrity], 1000, 2000, 20_000);
  expect(told).toEqual([]);
  integrity.publish(sent({ ...refused, after: time.now() - start }));
  await integrity.flush();
  await pass(time, [integrity], 1000, 2000);
  expect(told).toMatchObject([{ type: 'study.closed' }, { type: 'study.told', verdict: { completion: 'complete' }, undelivered: 0 }]);
});

it('waits for what is still to be delivered, but not for ever, and says then that it was not', async () => {
  const time = clock();
  const told: TelemetryEvent[] = [];
  const integrity = node(new MemoryHome(), time, told);
  const [first, second] = slices(2, { spooled: true }) as [Parameters<typeof sent>[0], Parameters<typeof sent>[0]];
  const never = { ...first, uid: '1.2.9.1', study: '1.2.9' };
  for (const one of [first, second, never]) integrity.publish(sent(one));
  await integrity.flush();
  await pass(time, [integrity], 61_000, 1000, 3_600_000);
  expect(rootsOf(told)).toEqual([]);
  integrity.publish(delivered(first, 3_700_000));
  await integrity.flush();
  await pass(time, [integrity], 2000, 2000);
  expect(rootsOf(told)).toEqual([]);
  integrity.publish(delivered(second, 3_800_000));
  await integrity.flush();
  await pass(time, [integrity], 2000, 2000);
  expect(rootsOf(told)).toMatchObject([{ studyInstanceUid: '1.2.1', endedAt: start + 3_800_000, undelivered: 0 }]);
  await pass(time, [integrity], 86_400_000);
  expect(rootsOf(told)).toMatchObject([{ studyInstanceUid: '1.2.1' }, { studyInstanceUid: '1.2.9', undelivered: 1, lost: 0 }]);
});

it('asks in the end what it has of what is still to be delivered: of what came just before a crash nobody else may know', async () => {
  const time = clock();
  const told: TelemetryEvent[] = [];
  const there = new Set<string>();
  const asked: number[] = [];
  const find: NonNullable<IntegrityOptions['find']> = {
    instances: async (_destination, _study, series) => {
      asked.push([...series.values()].flat().length);
      return { kind: 'found', uids: new Set(there) };
    },
    count: async () => ({ kind: 'unsupported' }),
  };
  const integrity = node(new MemoryHome(), time, told, { find });
  const list = slices(3, { spooled: true });
  const [first, untold, late] = list;
  if (!first || !untold || !late) throw new Error('three');
  for (const one of list) integrity.publish(sent(one));
  integrity.publish(delivered(first, 800));
  await integrity.flush();
  await pass(time, [integrity], 61_000, 30_000, 30_000, 90_000, 270_000);
  expect(asked).toEqual([]);
  // One of which the delivery was not told is there, one that was told is not yet, and one is on its way.
  there.add(untold.uid);
  await pass(time, [integrity], 810_000, 1000);
  const places = async () => (await integrity.ledger.page('1.2.1'))?.instances.map(({ at }) => at['pacs']?.confirmedAt !== undefined);
  expect([asked, await places()]).toEqual([[3], [false, true, false]]);
  expect(told.filter(({ type }) => type === 'study.verified')).toEqual([]);
  integrity.publish(delivered(late, time.now() - start));
  await integrity.flush();
  for (const { uid } of list) there.add(uid);
  await pass(time, [integrity], 2000, 2000, 60_000, 2000);
  expect(told.filter(({ type }) => type === 'study.verified')).toMatchObject([{ result: 'confirmed', missing: 0 }]);
  expect([asked, await places()]).toEqual([
    [3, 2],
    [true, true, true],
  ]);
});

it('waits no more for what a person removed from the queue, and says that it was not delivered', async () => {
  const time = clock();
  const told: TelemetryEvent[] = [];
  const integrity = node(new MemoryHome(), time, told);
  const [first, second] = slices(2, { spooled: true }) as [Parameters<typeof sent>[0], Parameters<typeof sent>[0]];
  for (const event of [sent(first), sent(second), delivered(first, 800)]) integrity.publish(event);
  await integrity.flush();
  await pass(time, [integrity], 61_000, 60_000);
  expect(rootsOf(told)).toEqual([]);
  await integrity.ledger.apply([removed(delivered(second, 0), time.now())], time.now());
  await pass(time, [integrity], 2000, 2000);
  expect(rootsOf(told)).toMatchObject([{ instances: 2, undelivered: 1, lost: 0, endedAt: start + 121_000 }]);
});

it.each(['CT', ''])(
  'what is delivered after the close, however late, opens nothing, and its destination is asked then (modality %j)',
  async (modality) => {
    const time = clock();
    const told: TelemetryEvent[] = [];
    const asked: number[] = [];
    const list = slices(2, { spooled: true, modality });
    const find: NonNullable<IntegrityOptions['find']> = {
      instances: async () => {
        asked.push(time.now() - start);
        return { kind: 'found', uids: new Set(list.map(({ uid }) => uid)) };
      },
      count: async () => ({ kind: 'unsupported' }),
    };
    const integrity = node(new MemoryHome(), time, told, { find, verify: { firstDelayMs: 1000 } });
    for (const one of list) integrity.publish(sent(one));
    await integrity.flush();
    const days = 10 * 86_400_000;
    await pass(time, [integrity], 61_000, 1000, 86_400_000, days);
    expect(asked).toEqual([]);
    const since = time.now() - start;
    for (const one of list) {
      integrity.publish(delivered(one, since));
      await integrity.flush();
      await pass(time, [integrity], 2000);
    }
    await pass(time, [integrity], 1000, 1000, 60_000);
    expect(told.map(({ type }) => type)).toEqual([
      ...['study.closed', 'study.told', 'study.revised', 'study.revised', 'study.verified', 'study.revised'],
    ]);
    expect(asked).toEqual([since + 5000]);
    const study = (await integrity.ledger.page('1.2.1'))?.study;
    expect(study).toMatchObject({ generation: 0, reopened: 0, verify: { pacs: { outcome: 'confirmed' } } });
  },
);

it('an answer to a question about a study that was opened again meanwhile says nothing is missing, nor that all is there', async () => {
  const time = clock();
  const told: TelemetryEvent[] = [];
  const late = sent({ uid: '1.2.1.1.9', after: 62_000 });
  const find: NonNullable<IntegrityOptions['find']> = {
    instances: async () => {
      integrity.publish(late);
      await integrity.flush();
      return { kind: 'found', uids: new Set([...slices(3).map(({ uid }) => uid), '1.2.1.1.9']) };
    },
    count: async () => ({ kind: 'unsupported' }),
  };
  const integrity: Integrity = node(new MemoryHome(), time, told, { find, verify: { firstDelayMs: 1000 } });
  for (const one of slices(3)) integrity.publish(sent(one));
  await integrity.flush();
  await pass(time, [integrity], 61_000, 1000, 1000);
  expect(told.map(({ type }) => type)).toEqual(['study.closed', 'study.told']);
  await pass(time, [integrity], 61_000, 1000, 1000);
  expect(told.slice(2, 4)).toMatchObject([{ type: 'study.closed' }, { type: 'study.verified', result: 'confirmed' }]);
});

it('what one destination refused and another has is delivered; what was acknowledged for one is owed there, whoever else has it', async () => {
  const time = clock();
  const told: TelemetryEvent[] = [];
  const integrity = node(new MemoryHome(), time, told);
  const [first, second, third] = slices(3) as [Parameters<typeof sent>[0], Parameters<typeof sent>[0], Parameters<typeof sent>[0]];
  const inEach = [
    ...[sent({ ...first, status: 0xa900 }), sent({ ...first, destination: 'archive' })],
    ...[sent({ ...second, spooled: true }), sent({ ...second, destination: 'archive' })],
    sent({ ...third, status: 0xa900 }),
  ];
  for (const event of inEach) integrity.publish(event);
  await integrity.flush();
  await pass(time, [integrity], 61_000, 86_400_000, 1000);
  expect(rootsOf(told)).toMatchObject([{ instances: 2, undelivered: 2 }]);
});

it('tells the same once more when the node that told it dies before it is sure that it left', async () => {
  const time = clock();
  const home = new MemoryHome();
  const [before, after]: [TelemetryEvent[], TelemetryEvent[]] = [[], []];
  const dies = node(home, time, before);
  for (const one of slices(3)) dies.publish(sent(one));
  await dies.flush();
  await pass(time, [dies], 61_000);
  const lives = node(home, time, after);
  await pass(time, [lives], 1000, 20_000);
  expect(rootsOf(after)).toEqual([]);
  await pass(time, [lives], 30_000, 10_000, 60_000, 86_400_000);
  expect(rootsOf(before)).toHaveLength(1);
  expect(rootsOf(after)).toEqual(rootsOf(before));
});

it('tells the root of a generation that nobody came to before the next one has begun', async () => {
  const time = clock();
  const told: TelemetryEvent[] = [];
  const home = new MemoryHome();
  const first = node(home, time, []);
  first.publish(sent({ uid: '1.2.1.1.1', spooled: true }));
  await first.flush();
  await pass(time, [first], 61_000);
  // Down for days; what comes is the first thing that is seen of it.
  time.pass(200_000_000);
  const second = node(home, time, told);
  second.publish(sent({ uid: '1.2.1.1.2', after: 200_060_000 }));
  await second.flush();
  await pass(time, [second], 1000, 61_000, 1000, 2000);
  expect(rootsOf(told).map(({ generation, undelivered }) => [generation, undelivered])).toEqual([[0, 1]]);
  second.publish(delivered({ uid: '1.2.1.1.1' }, 200_070_000));
  await second.flush();
  await pass(time, [second], 2000, 2000);
  expect(rootsOf(told).map(({ generation, undelivered }) => [generation, undelivered])).toEqual([
    [0, 1],
    [1, 0],
  ]);
});

it('what it tells of loss adds up to what the ledger says, and what is lost now can be asked', async () => {
  const time = clock();
  const told: TelemetryEvent[] = [];
  const list = slices(4);
  let has = new Set(list.slice(0, 3).map(({ uid }) => uid));
  const find: NonNullable<IntegrityOptions['find']> = {
    instances: async () => ({ kind: 'found', uids: has }),
    count: async () => ({ kind: 'unsupported' }),
  };
  const integrity = node(new MemoryHome(), time, told, { find, verify: { firstDelayMs: 1000, maxAttempts: 2 } });
  for (const one of list) integrity.publish(sent(one));
  await integrity.flush();
  await pass(time, [integrity], 61_000, 1000, 3000, 1000);
  expect(await integrity.lostInstances()).toEqual([{ destinationId: 'pacs', modality: 'CT', lost: 1 }]);
  expect(told.filter(({ type }) => type === 'study.verified')).toMatchObject([
    { result: 'missing', asked: 4, missing: 1, completion: 'quiet', firstByteAt: start },
    { result: 'missing', asked: 4, missing: 1 },
  ]);
  has = new Set(list.map(({ uid }) => uid));
  integrity.publish(sent({ ...list[3], uid: '1.2.1.1.4', after: time.now() - start }));
  await integrity.flush();
  await pass(time, [integrity], 61_000, 1000, 1000, 1000);
  expect(await integrity.lostInstances()).toEqual([]);
  const sums: Record<string, number> = {};
  for (const event of told) {
    if (event.type !== 'study.closed' && event.type !== 'study.revised') continue;
    for (const { destinationId: _, modality: __, ...delta } of event.deltas)
      for (const [name, value] of Object.entries(delta)) sums[name] = (sums[name] ?? 0) + value;
  }
  expect(sums).toEqual({ acknowledged: 4, forwarded: 4, confirmed: 4, lost: 1, recovered: 1 });
  expect(told.at(-1)).toMatchObject({ type: 'study.revised', lost: 0 });
});

it('a destination that does not answer keeps no study open, no other destination waiting, and no end', async () => {
  const time = clock();
  const told: TelemetryEvent[] = [];
  const asked: string[] = [];
  const integrity = node(new MemoryHome(), time, told, {
    find: {
      instances: (destinationId, studyUid) => {
        asked.push(`${destinationId} ${studyUid}`);
        if (destinationId === 'hangs') return new Promise(() => {});
        return Promise.resolve({ kind: 'found', uids: new Set(['1.2.8.1', '1.2.9.1']) });
      },
      count: async () => ({ kind: 'unsupported' }),
    },
    verify: { firstDelayMs: 1000 },
  });
  for (const study of ['1.2.8', '1.2.9']) {
    for (const destination of ['hangs', 'pacs'])
      integrity.publish(sent({ uid: `${study}.1`, study, series: `${study}.2`, destination, after: time.now() - start }));
    await integrity.flush();
    time.pass(61_000);
    await integrity.look();
    time.pass(1000);
    await integrity.look();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(asked.sort()).toEqual(['hangs 1.2.8', 'pacs 1.2.8', 'pacs 1.2.9']);
  expect(rootsOf(told).map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['1.2.8', '1.2.9']);
  await integrity.stop();
});

it('one that cannot be reached is not tried again for each study in line', async () => {
  const time = clock();
  const told: TelemetryEvent[] = [];
  const integrity = node(new MemoryHome(), time, told, {
    find: { instances: async () => ({ kind: 'unreachable' }), count: async () => ({ kind: 'unreachable' }) },
    verify: { firstDelayMs: 1000 },
  });
  for (const study of ['1.2.7', '1.2.8', '1.2.9']) integrity.publish(sent({ uid: `${study}.1`, study, series: `${study}.2` }));
  await integrity.flush();
  await pass(time, [integrity], 61_000, 1000, 1000);
  expect(integrity.stats().verifications).toBe(1);
  for (const study of ['1.2.7', '1.2.8', '1.2.9'])
    expect((await integrity.ledger.page(study))?.study.verify['pacs']).toMatchObject({ failures: 1, attempts: 0 });
});

it('a study whose root has been told is not due any more, unless its destination is still to be asked', async () => {
  const time = clock();
  const find = { instances: async () => ({ kind: 'unreachable' }) as const, count: async () => ({ kind: 'unreachable' }) as const };
  const alone = node(new MemoryHome(), time, []);
  const asking = node(new MemoryHome(), time, [], { find, verify: { firstDelayMs: 600_000 } });
  for (const one of [alone, asking]) {
    one.publish(sent({ uid: '1.2.1.1.1' }));
    await one.flush();
  }
  await pass(time, [alone, asking], 61_000, 11_000);
  const dueBy = async (one: Integrity, inMs: number) => (await one.ledger.due(time.now() + inMs, 9)).studyUids;
  expect(await dueBy(alone, Number.MAX_SAFE_INTEGER / 2)).toEqual([]);
  expect([await dueBy(asking, 500_000), await dueBy(asking, 600_000)]).toEqual([[], ['1.2.1']]);
});

it('a dead letter that is delivered between the telling of its study and the mark of it is lost no more', async () => {
  const time = clock();
  const integrity = node(new MemoryHome(), time, []);
  const [first] = slices(1, { spooled: true }) as [Parameters<typeof sent>[0]];
  integrity.publish(sent(first));
  const why = { errorType: 'status_failure', contextResult: undefined, quarantined: false } as const;
  const dead = { type: 'delivery.dead_lettered', attempts: 9, at: start + 3000, ...why } as const;
  integrity.publish({ ...delivered(first, 3000), ...dead });
  await integrity.flush();
  await pass(time, [integrity], 61_000);
  expect((await integrity.lostInstances()).map(({ lost }) => lost)).toEqual([1]);
  integrity.publish(delivered(first, 61_000));
  await integrity.flush();
  await pass(time, [integrity], 3000, 8000);
  expect(await integrity.lostInstances()).toEqual([]);
});

it('one that comes back in the moment of its telling is closed again, though its quiet period ends when the telling is due', async () => {
  const time = clock();
  const integrity = node(new MemoryHome(), time, [], { quietPeriodMs: 30_000 });
  integrity.publish(sent({ uid: '1.2.1.1.1' }));
  await integrity.flush();
  await pass(time, [integrity], 31_000);
  integrity.publish(sent({ uid: '1.2.1.1.2', after: 30_990 }));
  await integrity.flush();
  const { study } = (await integrity.ledger.page('1.2.1')) as StudyPage;
  expect([study.state, study.dueAt]).toEqual(['open', study.telling?.leaseUntil]);
  await pass(time, [integrity], 11_000, 20_000);
  expect((await integrity.ledger.page('1.2.1'))?.study).toMatchObject({ state: 'quiet', instances: 2 });
});
