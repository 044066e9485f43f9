import { openMemoryQueue, type QueueEntry } from '@radiotracer/queue';
import { SpoolError } from '@radiotracer/spool';
import type { TelemetryEvent } from '@radiotracer/telemetry';
import { noCounts } from './counts.ts';
import type { Held } from './held.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { Pauses } from './pauses.ts';
import { Settlements } from './settlements.ts';
import { Settler } from './settler.ts';
import { Unremoved } from './unremoved.ts';

const dayMs = 86_400_000;
const busy = { errorType: 'status_failure', possibleDuplicate: false } as const;

/** One instance, which is claimed, tried and settled again and again; `now` may be set. What is done with its file is done by `file`. */
async function once(file: () => Promise<void>, isAside = async () => false) {
  const scene = { now: 1_800_000_000_000, events: [] as TelemetryEvent[], counts: noCounts() };
  const clock = {
    now: () => scene.now,
    setTimer: (callback: () => void) => {
      setImmediate(callback);
      return { cancel() {} };
    },
  };
  const queue = openMemoryQueue();
  const pauses = new Pauses(clock);
  const leases = new LeaseKeeper({ queue, clock, leaseMs: 60_000, lost: () => {}, failed: () => {} });
  const settlements = new Settlements({ queue, pauses, gatherMs: 0, clock, random: () => 0 });
  settlements.hurry();
  const settler = new Settler({
    spool: { move: file, remove: file, quarantine: async () => 'aside', isAside },
    unremoved: new Unremoved({ spool: { remove: file }, queue, clock, random: () => 0 }),
    ...{ settlements, leases, pauses, clock, random: () => 0, counts: scene.counts },
    retry: { initialMs: 1000, maxMs: 1000, budgetMs: dayMs },
    publish: (event) => scene.events.push(event),
  });
  const facts = { destinationId: 'pacs', studyKey: '1.2', sopInstanceUid: '1.2.3', sopClassUid: '1.2.4', transferSyntaxUid: '1.2.5' };
  await queue.add({ ...facts, ownerId: 'proxy', id: 'one', callingAeTitle: 'CT', bytes: 10, receivedAt: scene.now });
  const entry = async (): Promise<QueueEntry | undefined> => (await queue.page({}, undefined, 2)).entries[0];
  const attempt = async (settle: (settler: Settler, held: Held, startedAt: number) => Promise<void>) => {
    scene.now = Math.max(scene.now, (await entry())?.dueAt ?? 0);
    const [one] = await queue.claim({ destinationId: 'pacs', leaseHolder: 'test', leaseMs: 60_000, limit: 1, now: scene.now });
    if (one === undefined) throw new Error('there is nothing to be claimed');
    const held = { ...one, envelope: { id: 'one' }, fileBytes: 10, lost: false, reading: undefined } as unknown as Held;
    await settle(settler, held, scene.now);
    return (await entry())?.state;
  };
  return { scene, entry, attempt };
}

const refused = new SpoolError({ code: 'no-space', operation: 'move', where: 'one', what: 'the volume is full', advice: 'Make room' });
const instant = (at: number) => ({ startedAt: at, endedAt: at, status: 0xa700 });

test('a clock that is set ahead by more than the budget gives up nobody who was tried a few times; after eight attempts it is one', async () => {
  const { scene, attempt } = await once(async () => {});
  const states: unknown[] = [];
  for (let nth = 1; nth <= 8; nth++) {
    states.push(await attempt((settler, held, at) => settler.retry(held, { ...busy, attempt: instant(at) })));
    scene.now += 3 * dayMs;
  }
  expect(states).toEqual([...Array(7).fill('waiting'), 'dead']);
});

test('given up, but its file cannot be moved: it is due again later, as long as that is so, and then it is given up', async () => {
  let isFull = true;
  let moves = 0;
  const { scene, entry, attempt } = await once(async () => {
    moves++;
    if (isFull) throw refused;
  });
  const giveUp = (settler: Settler, held: Held, at: number) => settler.dead(held, { ...busy, attempt: instant(at) });
  for (let nth = 1; nth <= 12; nth++) {
    expect(await attempt(giveUp)).toBe('waiting');
    expect((await entry())?.lastError).toMatchObject({ errorType: 'spool_failure' });
    scene.now += dayMs;
  }
  expect([moves, scene.counts.dead, scene.events.filter(({ type }) => type === 'delivery.dead_lettered')]).toEqual([12, 0, []]);
  isFull = false;
  expect(await attempt(giveUp)).toBe('dead');
  expect(scene.counts).toMatchObject({ dead: 1, retried: 12 });
});

test('delivered, but its file cannot be removed: it is held for a person to see, and not forgotten', async () => {
  let refusals = 3;
  const stubborn = async () => {
    if (refusals-- > 0) throw refused;
  };
  const deliver = (settler: Settler, held: Held, at: number) => settler.delivered(held, { ...instant(at), status: 0 });
  const first = await once(stubborn);
  expect(await first.attempt(deliver)).toBe('held');
  expect(first.scene.events).toMatchObject([{ type: 'delivery.attempted', outcome: 'delivered', errorType: 'spool_failure', status: 0 }]);
  refusals = 2;
  expect(await (await once(stubborn)).attempt(deliver)).toBeUndefined();
});

test('gone from where it was, and whether it was moved aside cannot be seen: it is looked for again later, and nobody is told that it is lost', async () => {
  let canLook = false;
  const { scene, attempt } = await once(
    async () => {},
    async () => {
      if (!canLook) throw refused;
      return true;
    },
  );
  expect(await attempt((settler, held) => settler.gone(held))).toBe('waiting');
  expect(scene.counts.gone).toBe(0);
  expect(scene.events.splice(0)).toMatchObject([{ type: 'spool.found', kind: 'unreadable' }]);
  canLook = true;
  expect(await attempt((settler, held) => settler.gone(held))).toBe('dead');
  expect(scene.events).toMatchObject([{ type: 'delivery.dead_lettered', errorType: 'instance_damaged', quarantined: true }]);
});

test('delivered, and its file was taken away meanwhile: that is all the same', async () => {
  let removals = 0;
  const gone = new SpoolError({ ...{ code: 'unknown-instance', operation: 'remove', where: 'one' }, what: 'is not there', advice: '' });
  const { scene, attempt } = await once(async () => {
    removals++;
    throw gone;
  });
  expect(await attempt((settler, held, at) => settler.delivered(held, { ...instant(at), status: 0 }))).toBeUndefined();
  expect([removals, scene.events]).toMatchObject([1, [{ type: 'delivery.attempted', outcome: 'delivered', errorType: undefined }]]);
});
