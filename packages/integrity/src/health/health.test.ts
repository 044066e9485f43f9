/** Modalities as the relay tells of them, over days and by several nodes, up to what is told and kept. */
import type { OperationEnded, TelemetryEvent } from '@radiotracer/telemetry';
import fc from 'fast-check';
import { Tag } from '../data-set/plain-data-set.ts';
import { Integrity } from '../integrity.ts';
import { type LedgerHome, LedgerUnavailable } from '../ledger/home.ts';
import { MemoryHome } from '../memory/memory-home.ts';
import { mppsSopClass } from '../observe.ts';
import type { IntegrityOptions } from '../ports.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { noFailures } from '../testing/no-failures.ts';
import { delivered, jsonReader, sent, start, stepCreated, stepSet } from '../testing/scene.ts';
import { bucketOf } from './latency-histogram.ts';
import { ModalityHome } from './modality-home.ts';
import { worklistSopClass } from './modality-log.ts';
import { readModalities, readModality } from './modality-page.ts';

const failed = noFailures();

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** A Monday, 0:00 in Berlin (summer time). */
const monday = Date.UTC(2026, 5, 7, 22);

function engine(home: LedgerHome, clock: ManualClock, told: TelemetryEvent[] = [], options: Partial<IntegrityOptions> = {}): Integrity {
  return new Integrity({
    ...{ home, clock, reader: jsonReader, node: 'n1', siteKey: new Uint8Array(32), publish: (event) => told.push(event) },
    failed,
    ...options,
    health: { timeZone: 'Europe/Berlin', absentAfterMs: hourMs, ...options.health },
  });
}

let associations = 0;

/** An association of nothing but its beginning and end. */
function called(callingAeTitle: string, at: number, outcome: 'released' | 'rejected' | 'aborted' | 'timed_out' = 'released') {
  associations += 1;
  const associationId = `h${associations}`;
  const opened = { type: 'association.opened', associationId, role: 'server', at, callingAeTitle } as TelemetryEvent;
  const errorType = outcome === 'timed_out' ? 'idle_timeout' : undefined;
  return [opened, { type: 'association.ended', associationId, at: at + 1000, outcome, errorType } as TelemetryEvent];
}

const image = (callingAeTitle: string, at: number, uid: string, study = '1.2.1'): OperationEnded => {
  const event = sent({ uid, study });
  const move = at - event.requestInAt;
  const moved = (time: number | undefined) => (time === undefined ? undefined : time + move);
  const { responseInAt, responseOutAt, requestEndAt } = event;
  const times = { responseInAt: moved(responseInAt), responseOutAt: moved(responseOutAt), requestEndAt: moved(requestEndAt) };
  return { ...event, callingAeTitle, requestInAt: at, endedAt: event.endedAt + move, ...times };
};

async function pass(engines: readonly Integrity[], clock: ManualClock, ms: number): Promise<void> {
  clock.pass(ms);
  for (const one of engines) {
    await one.flush();
    await one.tick();
  }
}

const observed = (told: readonly TelemetryEvent[]) => told.filter((event) => event.type === 'source.observed');

it('tells of a scanner that goes silent on a Tuesday morning, once over two nodes, and when it is back; the sound one never', async () => {
  const clock = new ManualClock(monday);
  const home = new MemoryHome();
  const told: TelemetryEvent[] = [];
  const options = { health: { aeTitles: new Set(['CT1', 'MR1']) } };
  const engines = [
    engine(new MemoryHome(home), clock, told, { node: 'n1', ...options }),
    engine(new MemoryHome(home), clock, told, options),
  ];
  const dies = 3 * 7 * dayMs + dayMs + 10 * hourMs;
  let at = 0;
  for (; at < dies + 10 * hourMs; at += 20 * 60_000) {
    const day = Math.floor(at / dayMs) % 7;
    const hour = Math.floor((at % dayMs) / hourMs);
    if (day < 5 && hour >= 7 && hour < 18) {
      for (const title of ['CT1', 'MR1']) {
        if (title === 'CT1' && at >= dies) continue;
        for (const event of called(title, clock.now())) engines[(at / 60_000 / 20) % 2]?.publish(event);
      }
    }
    await pass(engines, clock, 20 * 60_000);
  }
  const turns = observed(told).filter(({ change }) => change !== undefined);
  expect(turns).toMatchObject([{ callingAeTitle: 'CT1', silent: true, change: 'silent' }]);
  const [turn] = turns;
  expect((turn?.lastSeenAt ?? 0) - monday).toBe(dies - 20 * 60_000 + 1000);
  expect((turn?.at ?? 0) - monday - dies).toBeLessThan(5 * hourMs);
  const page = await readModality(home, 'CT1', clock.now());
  expect(page).toMatchObject({ state: 'silent', silentSince: turn?.lastSeenAt, timeZone: 'Europe/Berlin' });
  expect(page?.habit[34]).toMatchObject({ seenWeeks: 3 });
  expect(page?.habit[34 + 12]).toMatchObject({ seenWeeks: 0 });
  // What each node tells for its metrics.
  expect(observed(told).filter(({ callingAeTitle, silent }) => callingAeTitle === 'CT1' && silent)).toHaveLength(2);

  for (const event of called('CT1', clock.now())) engines[1]?.publish(event);
  await pass(engines, clock, 60_000);
  expect(
    observed(told)
      .filter(({ callingAeTitle }) => callingAeTitle === 'CT1')
      .at(-1),
  ).toMatchObject({ silent: false });
  expect(observed(told).filter(({ change }) => change === 'back')).toHaveLength(1);
  expect(await readModality(home, 'CT1', clock.now())).toMatchObject({ state: 'working', silentSince: undefined });
}, 120_000);

it('does not take its own absence for silence', async () => {
  const clock = new ManualClock(monday);
  const home = new MemoryHome();
  const told: TelemetryEvent[] = [];
  const before = engine(new MemoryHome(home), clock, told);
  for (let at = 0; at < 15 * dayMs; at += 30 * 60_000) {
    for (const event of called('CT1', clock.now())) before.publish(event);
    await pass([before], clock, 30 * 60_000);
  }
  clock.pass(3 * dayMs);
  await pass([engine(new MemoryHome(home), clock, told)], clock, 60_000);
  expect(observed(told).filter(({ silent }) => silent)).toEqual([]);
  expect(await readModality(home, 'CT1', clock.now())).toMatchObject({ state: 'quiet' });
}, 60_000);

it('counts what happened, in its hour, and how long instances took to the PACS, queued ones by who sent them', async () => {
  const clock = new ManualClock(monday + 10 * hourMs);
  const home = new MemoryHome();
  const integrity = engine(home, clock);
  const now = clock.now();
  const events = [
    ...called('CT1', now),
    ...called('CT1', now, 'rejected'),
    ...called('CT1', now, 'aborted'),
    ...called('CT1', now, 'timed_out'),
    image('CT1', now, '1.1'),
    image('CT1', now, '1.2'),
    image('CT1', now, '1.3', '1.2.2'),
    { ...image('CT1', now, '1.4'), status: 0xa700, statusClass: 'failure', errorType: 'status_failure' } as const,
  ];
  for (const event of events) integrity.publish(event);
  const waiting = sent({ uid: '1.9', spooled: true });
  integrity.publish({ ...waiting, callingAeTitle: 'CT1', endedAt: now });
  await pass([integrity], clock, 30_000);
  // Its envelope has the title that the PACS is to see.
  const late = { ...delivered({ uid: '1.9' }, 0), callingAeTitle: 'REWRITTEN', receivedAt: now, endedAt: now + 2 * hourMs };
  integrity.publish(late);
  await pass([integrity], clock, 2 * hourMs);
  const [page, ...others] = await readModalities(home, clock.now());
  expect(others).toEqual([]);
  expect(page?.today).toEqual({ studies: 2, instances: 4, bytes: 4000, errors: 4, queries: 0, unfollowed: 0 });
  expect(page?.latency).toMatchObject({ count: 4, p50: 2 ** (bucketOf(9) / 4), p99: 2 ** (bucketOf(2 * hourMs) / 4) });
  const shown = await readModality(home, 'CT1', clock.now());
  expect(shown?.hours).toHaveLength(24);
  expect(shown?.hours.at(-3)?.cell).toMatchObject({
    ...{ associations: 4, rejects: 1, aborts: 1, timeouts: 1, instances: 4 },
    errors: { rejected: 1, aborted: 1, idle_timeout: 1, status_failure: 1 },
  });
  expect(shown?.hours.at(-1)?.cell.latency).toEqual({ [bucketOf(2 * hourMs)]: 1 });
});

it('counts each once, whatever the home says of a write', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('well', 'before', 'after'), { maxLength: 12 }), async (faults) => {
      const clock = new ManualClock(monday);
      const shared = new MemoryHome();
      const engines = ['n1', 'n2'].map((node) => {
        const home = new MemoryHome(shared);
        const flaky: LedgerHome = {
          load: (requests) => home.load(requests),
          due: (now, limit) => home.due(now, limit),
          page: (shelves, range, after, limit) => home.page(shelves, range, after, limit),
          where: (ids) => home.where(ids),
          remove: (before, limit) => home.remove(before, limit),
          close: () => home.close(),
          store: async (writes) => {
            const fault = writes.some(({ key }) => key.startsWith('m:')) ? (faults.shift() ?? 'well') : 'well';
            if (fault === 'before') throw new Error('gone');
            const results = await home.store(writes);
            if (fault === 'after') throw new Error('gone');
            return results;
          },
        };
        return engine(flaky, clock, [], { node, failed: () => {} });
      });
      for (let round = 0; round < 20; round += 1) {
        for (const event of [...called('CT1', clock.now()), image('CT1', clock.now(), `1.${round}`)]) engines[round % 2]?.publish(event);
        await pass(engines, clock, 6000);
      }
      const page = await readModality(shared, 'CT1', clock.now());
      expect(page?.today).toMatchObject({ instances: 20, bytes: 20_000 });
      expect(page?.latency.count).toBe(20);
    }),
    { numRuns: 30 },
  );
}, 60_000);

it('has an end to titles: a flood of them displaces no scanner', async () => {
  const clock = new ManualClock(monday);
  const home = new MemoryHome();
  const integrity = engine(home, clock, [], { health: { aeTitles: new Set(['CT1']), maxUnconfigured: 10 } });
  for (let at = 0; at < 5; at += 1) integrity.publish(image(`SCANNER${at}`, clock.now(), `1.${at}`));
  await pass([integrity], clock, 60_000);
  for (let flood = 0; flood < 2000; flood += 1) for (const event of called(`X${flood}`, clock.now())) integrity.publish(event);
  await pass([integrity], clock, 60_000);
  for (const event of called('CT1', clock.now())) integrity.publish(event);
  await pass([integrity], clock, 60_000);
  const titles = (await readModalities(home, clock.now())).map(({ aeTitle }) => aeTitle);
  expect(titles).toEqual(expect.arrayContaining(['CT1', '_OTHER', 'SCANNER0', 'SCANNER1', 'SCANNER2', 'SCANNER3', 'SCANNER4']));
  expect(titles.filter((title) => title !== 'CT1' && title !== '_OTHER').length).toBeLessThanOrEqual(10);
  const all = await new ModalityHome(home).read('_OTHER', 'all');
  expect([...(all?.rows.values() ?? [])].map((text) => JSON.parse(text).associations ?? 0)).toContain(2000 - 5);
}, 60_000);

it('has an end to titles also while the home is away, and counts a scanner of the configuration all the same', async () => {
  const clock = new ManualClock(monday);
  const home = new MemoryHome();
  let isAway = true;
  const page = home.page.bind(home);
  home.page = async (...args: Parameters<typeof page>) => {
    if (isAway) throw new LedgerUnavailable('disconnected', 'away');
    return await page(...args);
  };
  const integrity = engine(home, clock, [], { failed: () => {}, health: { aeTitles: new Set(['CT1']) } });
  for (let round = 0; round < 10; round += 1) {
    for (let one = 0; one < 800; one += 1) for (const event of called(`EVIL${round} ${one}`, clock.now())) integrity.publish(event);
    for (const event of called('CT1', clock.now())) integrity.publish(event);
    await pass([integrity], clock, 6000);
  }
  // One for what is counted together, one of the configuration.
  expect(integrity.stats().unwrittenTitles).toBeLessThanOrEqual(2002);
  isAway = false;
  await pass([integrity], clock, 60_000);
  expect(integrity.stats().unwrittenTitles).toBe(0);
  const titles = (await readModalities(home, clock.now())).map(({ aeTitle }) => aeTitle);
  expect(titles).toContain('CT1');
  expect(titles.length).toBeLessThanOrEqual(256 + 2);
});

it('marks no study as incomplete for a call that found no room', async () => {
  const clock = new ManualClock(start);
  const integrity = engine(new MemoryHome(), clock, [], { maxQueuedEvents: 4 });
  integrity.publish(sent({ uid: '1.1' }));
  for (let call = 0; call < 20; call += 1) for (const event of called('CT1', clock.now())) integrity.publish(event);
  await pass([integrity], clock, 1000);
  expect(integrity.stats().dropped).toBeGreaterThan(0);
  expect((await integrity.ledger.page('1.2.1'))?.study.incompleteSince).toBeUndefined();
});

describe('worklist items', () => {
  const asked = (accession: string, at: number, uid = '9.1', study = '1.2.1'): OperationEnded => ({
    ...stepCreated({ uid }),
    ...{ callingAeTitle: 'CT1', requestInAt: at, endedAt: at },
    dataSet: Buffer.from(
      JSON.stringify({ [Tag.scheduledStepAttributesSequence]: [{ [Tag.accessionNumber]: [accession], [Tag.studyInstanceUid]: [study] }] }),
    ),
  });
  const queried = (accession: string, at: number, pendingResponses: number): OperationEnded => ({
    ...stepCreated({}),
    ...{ callingAeTitle: 'CT1', requestInAt: at, endedAt: at, operation: 'C-FIND', sopClassUid: worklistSopClass, pendingResponses },
    dataSet: Buffer.from(JSON.stringify({ [Tag.accessionNumber]: [accession] })),
  });
  const unfollowed = async (scene: (at: number) => readonly TelemetryEvent[]) => {
    const clock = new ManualClock(monday + 8 * hourMs);
    const home = new MemoryHome();
    const told: TelemetryEvent[] = [];
    const engines = [
      engine(new MemoryHome(home), clock, told, { node: 'n1' }),
      engine(new MemoryHome(home), clock, told, { node: 'n2' }),
    ] as const;
    const at = clock.now();
    for (const [index, event] of [...called('CT1', at), ...scene(at)].entries()) engines[index % 2]?.publish(event);
    await pass(engines, clock, 60_000);
    await pass(engines, clock, 3 * hourMs);
    expect(told.filter(({ type }) => type === 'worklist.unfollowed')).toEqual([]);
    await pass(engines, clock, 2 * hourMs);
    await pass(engines, clock, hourMs);
    const page = await readModality(home, 'CT1', clock.now());
    const count = told.filter(({ type }) => type === 'worklist.unfollowed').length;
    expect(page?.today.unfollowed).toBe(count);
    return page?.unfollowed.map(({ accessionNumber }) => accessionNumber);
  };

  it('are told when no study follows, each once', async () => {
    expect(await unfollowed((at) => [asked('A1', at), asked('A1', at + 5), asked('A2', at, '9.2', '1.2.7')])).toEqual(['A1', 'A2']);
  });

  it('are not told when their study came, by its UID, by its accession number, or when the step was given up', async () => {
    const another = { ...image('MR9', monday + 9 * hourMs, '5.1', '1.2.5') };
    expect(
      await unfollowed((at) => [
        asked('A8', at, '9.1', '1.2.1'),
        image('CT1', at + 60_000, '1.1', '1.2.1'),
        // Of the scene, every image has the accession number A1.
        asked('A1 ', at, '9.2', '1.2.77'),
        another,
        asked('A3', at, '9.3', '1.2.3'),
        { ...stepSet({ uid: '9.3', status: 'DISCONTINUED' }), requestInAt: at + 1000, sopClassUid: mppsSopClass },
      ]),
    ).toEqual([]);
  });

  it('are none while they are merely in a list', async () => {
    const all = (at: number) => [
      queried('', at, 40),
      queried('A*', at, 1),
      queried('A5', at, 3),
      queried('A6', at, 0),
      queried('A7', at, 1),
    ];
    expect(await unfollowed(all)).toEqual(['A7']);
  });
});
