import { openMemoryQueue } from '@radiotracer/queue';
import { acceptContexts } from '@radiotracer/upper-layer';
import fc from 'fast-check';
import { backoffMs } from './backoff.ts';
import { FickleQueue } from './testing/fickle-queue.ts';
import { ManualClock, turns, until } from './testing/manual-clock.ts';
import { Scene } from './testing/scene.ts';
import type { Answer } from './testing/scripted-pacs.ts';
import { SilenceClock } from './testing/silence-clock.ts';

const hourMs = 3_600_000;
const stepMs = 500;
const production = {
  retry: { initialMs: 5_000, maxMs: 600_000, budgetMs: 7 * 24 * hourMs },
  circuit: { failures: 3, probeMs: 10_000 },
  timeouts: { artimMs: 0, connectMs: 0, associateMs: 0, dimseResponseMs: 0, storeResponseMs: 0, idleMs: 0, releaseMs: 0 },
};
const productionTuning = { pollMs: 2_000, keepMs: 2_000, housekeepingMs: 5_000, responseMs: 0 };

/** Lets virtual time pass in steps, each only after what the step before began on the network and the disk is over. */
async function pass(scene: Scene, clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await clock.advance(stepMs);
    for (let quiet = 0; quiet < 5; quiet++) {
      if (scene.sockets + scene.reading > 0) quiet = 0;
      await turns(1);
    }
  }
}

test('an hour of a PACS that is down, a hundred instances waiting: one connection each ten seconds, and no attempt is burnt', async () => {
  const clock = new ManualClock();
  await using scene = await Scene.open({ clock, destination: production, forwarder: { tuning: productionTuning } });
  for (let number = 0; number < 100; number++) await scene.add({ studyInstanceUid: `1.9.${number % 10}` });
  await scene.pacs.down();
  scene.forwarder.start();
  await pass(scene, clock, hourMs);
  expect(scene.connects).toBeLessThanOrEqual(2 + hourMs / 10_000);
  expect(scene.connects).toBeGreaterThan(0.9 * (hourMs / 10_000));
  expect((await scene.entries()).every(({ attempts, state }) => attempts === 0 && state === 'waiting')).toBe(true);
}, 60_000);

test('two hours of a PACS that is too busy for an association: no more connections than the backoff says', async () => {
  const clock = new ManualClock();
  const destination = { ...production, circuit: { failures: 1000, probeMs: 10_000 }, maxAssociations: 1 };
  const random = () => 0.5;
  await using scene = await Scene.open({ clock, random, destination, forwarder: { tuning: productionTuning } });
  scene.pacs.negotiate = () => ({ reject: { result: 2, source: 3, reason: 2 } });
  for (let number = 0; number < 20; number++) await scene.add({ studyInstanceUid: `1.9.${number}` });
  scene.forwarder.start();
  await pass(scene, clock, 2 * hourMs);
  let allowed = 1;
  for (let at = 0; at < 2 * hourMs; allowed++) at += backoffMs(production.retry, allowed, random);
  expect(scene.connects).toBeLessThanOrEqual(allowed);
  expect(scene.connects).toBeGreaterThan(0.9 * allowed);
  expect((await scene.entries()).every(({ attempts }) => attempts === 0)).toBe(true);
  scene.pacs.negotiate = (rq) => ({ contexts: acceptContexts(rq, (_abstract, offered) => offered[0]) });
  // An association stays open for a while of virtual time: not to be waited for by the step.
  await until('all to arrive', async () => {
    await clock.advance(stepMs);
    return await scene.settled();
  });
  expect(scene.pacs.stored).toHaveLength(20);
}, 60_000);

test('the schedule goes away in the middle: what is under way is delivered once, nothing spins, the rest follows when it is back', async () => {
  let fickle: FickleQueue | undefined;
  await using scene = await Scene.open({
    around: (queue) => {
      fickle = new FickleQueue(queue);
      return fickle.view;
    },
  });
  const queue = fickle;
  if (queue === undefined) throw new Error('no queue');
  scene.pacs.answer = (nth) => {
    if (nth === 3) queue.away = true;
    return 0;
  };
  for (let number = 0; number < 10; number++) await scene.add({ studyInstanceUid: `1.9.${number % 2}` });
  scene.forwarder.start();
  await until('it to be missed', () => queue.missed >= 2);
  const stored = scene.pacs.stored.length;
  await until('it to be missed again', () => queue.missed >= 4 && queue.seenAway > 0);
  // Who cannot settle begins nothing.
  expect(scene.pacs.stored.length).toBeLessThanOrEqual(stored + 1);
  expect(queue.missed).toBeLessThan(20);
  queue.away = false;
  await until('all to arrive', () => scene.settled());
  expect([...scene.pacs.stored].sort()).toEqual(scene.put.map(({ sopInstanceUid }) => sopInstanceUid).sort());
  // One for each time that it was seen to be away.
  await until('a rebuild', () => scene.rebuilds > 0);
  expect(await scene.spooled()).toEqual([]);
}, 60_000);

test('the schedule loses its memory: a rebuild is asked for, and the rest arrives', async () => {
  let fickle: FickleQueue | undefined;
  await using scene = await Scene.open({
    around: (queue) => {
      fickle = new FickleQueue(queue);
      return fickle.view;
    },
  });
  const queue = fickle;
  if (queue === undefined) throw new Error('no queue');
  scene.pacs.answer = (nth) => {
    if (nth === 3) queue.current = openMemoryQueue();
    return 0;
  };
  for (let number = 0; number < 10; number++) await scene.add();
  scene.forwarder.start();
  await until('a rebuild', () => scene.rebuilds === 1);
  await until('all to arrive', async () => (await scene.spooled()).length === 0 && (await scene.settled()));
  expect(new Set(scene.pacs.stored)).toEqual(new Set(scene.put.map(({ sopInstanceUid }) => sopInstanceUid)));
});

test('a lease is prolonged for as long as the PACS thinks', async () => {
  const clock = new ManualClock();
  await using scene = await Scene.open({ clock, destination: production, forwarder: { tuning: { ...productionTuning, leaseMs: 20_000 } } });
  const [asked, thought] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  scene.pacs.gate = thought.promise;
  scene.pacs.answer = () => {
    asked.resolve();
    return 0;
  };
  await scene.add();
  await scene.add();
  scene.forwarder.start();
  await asked.promise;
  // Three leases.
  await clock.advance(hourMs / 60);
  thought.resolve();
  await until('both to arrive', async () => {
    await clock.advance(stepMs);
    return await scene.settled();
  });
  expect(scene.pacs.received).toHaveLength(2);
  expect(scene.stats()).toMatchObject({ delivered: 2, leasesLost: 0, possibleDuplicates: 0 });
}, 60_000);

test('a lease that was lost: the instance under way goes to its end and is a possible duplicate, the others are left alone', async () => {
  await using scene = await Scene.open();
  const other = { destinationId: 'pacs', leaseHolder: 'another', leaseMs: 60_000, limit: 10 };
  const stolen = Promise.withResolvers<void>();
  scene.pacs.delayMs = 200;
  scene.pacs.answer = () => {
    const now = Date.now() + hourMs / 5;
    stolen.resolve(scene.queue.reclaimExpired(now).then(async () => void (await scene.queue.claim({ ...other, now }))));
    return 0;
  };
  for (let number = 0; number < 3; number++) await scene.add();
  scene.forwarder.start();
  await stolen.promise;
  await until('the first to be delivered', () => scene.stats().delivered === 1);
  await scene.forwarder.stop(5_000);
  // Those that were not begun are found out when they are given back or begun; whoever has them sends them.
  expect(scene.of('delivery.attempted')[0]).toMatchObject({ outcome: 'delivered', possibleDuplicate: true });
  expect((await scene.entries()).map(({ state, lease }) => [state, lease?.holder])).toEqual(Array(3).fill(['leased', 'another']));
  expect(scene.stats().possibleDuplicates).toBeGreaterThanOrEqual(1);
  expect(await scene.spooled()).toHaveLength(3 - scene.stats().delivered);
});

test('what is tried for longer than the budget is given up, and stays in the spool', async () => {
  await using scene = await Scene.open({ destination: { retry: { initialMs: 5, maxMs: 20, budgetMs: 100 } } });
  scene.pacs.answer = (_nth, { affectedSopInstanceUid }) => (affectedSopInstanceUid === '1.2.3.1' ? 0x0110 : 0);
  for (let number = 0; number < 3; number++) await scene.add();
  scene.forwarder.start();
  await until('all to be settled', () => scene.settled());
  expect((await scene.entries()).map(({ state, lastError }) => [state, lastError])).toMatchObject([
    ['dead', { errorType: 'retry_budget_exhausted', status: 0x0110 }],
  ]);
  expect(scene.of('delivery.dead_lettered')).toMatchObject([{ errorType: 'retry_budget_exhausted', status: 0x0110 }]);
  expect(scene.stats().retried).toBeGreaterThanOrEqual(1);
  expect((await scene.spooled())[0]).toMatch(/^dead /);
});

const deadly = (answer: Answer) => typeof answer === 'number' && (answer >> 8 === 0xa9 || answer >> 12 === 0xc);

test('whatever the PACS does: all is delivered at least once or dead by its answer, none is lost, none dead without', async () => {
  const answer: fc.Arbitrary<Answer> = fc.oneof(
    { weight: 6, arbitrary: fc.constant<Answer>(0) },
    {
      weight: 5,
      arbitrary: fc.constantFrom<Answer>(
        'abort',
        'drop',
        'wrong-id',
        'no-status',
        'silence',
        0xa700,
        0x0122,
        0x0213,
        0x0210,
        0xb006,
        0x0111,
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom<Answer>(0xa900, 0xc001) },
  );
  const opening = fc.constantFrom('accept', 'accept', 'accept', 'transient', 'permanent', 'abort', 'close');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 12 }),
      fc.array(answer, { maxLength: 25 }),
      fc.array(opening, { maxLength: 10 }),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom('memory' as const, 'sqlite' as const),
      async (studies, answers, openings, maxAssociations, home) => {
        const clock = new SilenceClock();
        await using scene = await Scene.open({
          clock,
          home,
          destination: {
            maxAssociations,
            retry: { initialMs: 2, maxMs: 8, budgetMs: 7 * 24 * hourMs },
            circuit: { failures: 2, probeMs: 5 },
            timeouts: {
              artimMs: 1000,
              connectMs: 5000,
              associateMs: 5000,
              dimseResponseMs: clock.responseMs,
              storeResponseMs: 0,
              idleMs: 0,
              releaseMs: 1000,
            },
          },
          forwarder: { tuning: { pollMs: 10, keepMs: 5, maxClaimed: 4, pieceBytes: 512 } },
        });
        scene.pacs.answer = (nth) => {
          const next = answers[nth - 1] ?? 0;
          if (next === 'silence') clock.silence();
          return next;
        };
        let requests = 0;
        scene.pacs.hangsUp = () => openings[requests] === 'close';
        scene.pacs.negotiate = (rq) => {
          const way = openings[requests++] ?? 'accept';
          if (way === 'transient') return { reject: { result: 2, source: 1, reason: 1 } };
          if (way === 'permanent') return { reject: { result: 1, source: 1, reason: 7 } };
          if (way === 'abort') throw new Error('aborted instead of answered');
          return { contexts: acceptContexts(rq, (_abstract, offered) => offered[0]) };
        };
        for (const study of studies) await scene.add({ studyInstanceUid: `1.9.${study}`, callingAeTitle: `CT${study % 2}` });
        scene.forwarder.start();
        await until('all to be settled', () => scene.settled());

        const dead = new Set(scene.of('delivery.dead_lettered').map(({ sopInstanceUid }) => sopInstanceUid));
        const stored = new Set(scene.pacs.stored);
        for (const { sopInstanceUid: uid } of scene.put) {
          const answersToIt = scene.pacs.received.filter(({ command }) => command.affectedSopInstanceUid === uid);
          expect([uid, dead.has(uid)]).toEqual([uid, answersToIt.some((one) => deadly(one.answer))]);
          expect([uid, stored.has(uid) || dead.has(uid)]).toEqual([uid, true]);
          for (const one of answersToIt) expect(one.dataSet.equals(scene.bytes.get(uid) ?? new Uint8Array())).toBe(true);
        }
        const twice = scene.pacs.received.filter(({ answer: one }) => typeof one === 'string').length;
        expect(scene.stats().possibleDuplicates).toBe(twice);
        expect(scene.peak).toBeLessThanOrEqual(maxAssociations);
        expect((await scene.entries()).map(({ state }) => state)).toEqual([...dead].map(() => 'dead'));
        expect((await scene.spooled()).map((line) => line.split(' ')[0])).toEqual([...dead].map(() => 'dead'));
        const attempts = scene.of('delivery.attempted');
        expect(attempts.filter(({ outcome }) => outcome === 'delivered')).toHaveLength(scene.put.length - dead.size);
      },
    ),
    { numRuns: 60 },
  );
}, 600_000);
