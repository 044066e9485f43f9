import { openMemoryQueue, type Queue } from '@radiotracer/queue';
import { SpoolError } from '@radiotracer/spool';
import { FickleQueue } from './testing/fickle-queue.ts';
import { ManualClock, until } from './testing/manual-clock.ts';
import { Scene, type SceneOptions } from './testing/scene.ts';
import { Unremoved } from './unremoved.ts';

const minuteMs = 60_000;
const production = {
  timeouts: { artimMs: 0, connectMs: 0, associateMs: 0, dimseResponseMs: 0, storeResponseMs: 0, idleMs: 0, releaseMs: 0 },
};

/** A read-only volume, four instances that are delivered all the same, and time that goes on where it is told to. */
async function delivered(around: (queue: Queue) => Queue = (queue) => queue) {
  const clock = new ManualClock();
  const options: SceneOptions = {
    clock,
    around,
    random: () => 0.5,
    destination: production,
    forwarder: { tuning: { housekeepingMs: 5_000 } },
  };
  const scene = await Scene.open(options);
  const pass = async (what: string, holds: () => boolean | Promise<boolean>) =>
    await until(what, async () => {
      await clock.advance(1_000);
      return await holds();
    });
  const passTime = async (ms: number) => {
    const end = clock.now() + ms;
    await pass('time to pass', () => clock.now() >= end);
  };
  const states = async () => (await scene.entries()).map(({ state }) => state);
  for (let number = 0; number < 4; number++) await scene.add();
  scene.isReadOnly = true;
  scene.forwarder.start();
  await pass('all to be delivered', () => scene.stats().delivered === 4);
  expect(await states()).toEqual(Array(4).fill('held'));
  return { scene, options, pass, passTime, states };
}

test('a volume that has turned read-only: what is delivered is not delivered again, however long it lasts; and is gone soon after it', async () => {
  const { scene, pass, passTime, states } = await delivered();
  await using _ = scene;
  await passTime(10 * minuteMs);
  // It differs, as it should: nothing is rebuilt for it.
  expect([scene.pacs.stored.length, scene.rebuilds]).toEqual([4, 0]);
  // A lost connection, a lost add.
  await scene.scheduler.rebuild();
  await passTime(minuteMs);
  expect(scene.pacs.stored).toHaveLength(4);
  expect(await states()).toEqual(Array(4).fill('held'));
  expect(scene.stats()).toMatchObject({ delivered: 4, possibleDuplicates: 0, gone: 0 });
  scene.isReadOnly = false;
  await pass('the files to go', async () => (await scene.spooled()).length === 0);
  await pass('the schedule to follow', async () => (await states()).length === 0);
  await passTime(5 * minuteMs);
  expect([scene.pacs.stored.length, scene.rebuilds]).toEqual([4, 1]);
});

test('a schedule that has forgotten all of it, or in which a person releases it: it is not delivered again', async () => {
  let fickle: FickleQueue | undefined;
  const { scene, passTime, states } = await delivered((queue) => {
    fickle = new FickleQueue(queue);
    return fickle.view;
  });
  await using _ = scene;
  if (fickle !== undefined) fickle.current = openMemoryQueue();
  await passTime(minuteMs);
  expect(await states()).toEqual(Array(4).fill('held'));
  await scene.queue.release({}, scene.put[0]?.receivedAt ?? 0);
  await passTime(minuteMs);
  expect(await states()).toEqual(Array(4).fill('held'));
  expect(scene.pacs.stored).toHaveLength(4);
  scene.isReadOnly = false;
  await scene.queue.release({}, scene.put[0]?.receivedAt ?? 0);
  await passTime(minuteMs);
  expect([await states(), await scene.spooled(), scene.pacs.stored.length]).toEqual([[], [], 4]);
});

test('a process that starts anew delivers it once more, and says that it may be there twice', async () => {
  const { scene, options, pass, passTime } = await delivered();
  await using _ = scene;
  await scene.forwarder.stop(0);
  scene.start(options);
  await scene.scheduler.rebuild();
  scene.forwarder.start();
  await pass('all to come again', () => scene.stats().delivered === 4);
  await passTime(5 * minuteMs);
  expect(scene.pacs.stored).toHaveLength(8);
  expect(scene.stats().possibleDuplicates).toBe(4);
  expect(scene.of('delivery.attempted').map(({ possibleDuplicate }) => possibleDuplicate)).toEqual([
    ...Array(4).fill(false),
    ...Array(4).fill(true),
  ]);
});

test('what comes meanwhile is found lacking in the schedule as ever', async () => {
  let isLost = false;
  const { scene, pass, states } = await delivered((queue) => {
    const add: Queue['add'] = async (entry) => (isLost ? 'added' : await queue.add(entry));
    return new Proxy(queue, { get: (_, name: keyof Queue) => (name === 'add' ? add : queue[name].bind(queue)) });
  });
  await using _ = scene;
  isLost = true;
  await scene.add();
  await pass('it to arrive', () => scene.pacs.stored.length === 5);
  await pass('all to be over with', async () => (await states()).filter((state) => state === 'held').length === 5);
  expect(scene.rebuilds).toBe(1);
});

test('one file whose place on the disk fails keeps no other', async () => {
  const stuck = new Set(['one']);
  const clock = { now: () => 0 };
  const removed: (readonly string[])[] = [];
  const unremoved = new Unremoved({
    spool: {
      remove: async (id) => {
        if (stuck.has(id)) throw new SpoolError({ code: 'io', operation: 'remove', where: id, what: 'failed (EIO)', advice: '' });
      },
    },
    queue: {
      remove: async ({ ids = [] }) => {
        removed.push(ids);
        return { changed: ids.length, leased: 0 };
      },
    },
    clock,
    random: () => 0,
  });
  for (const id of ['one', 'two', 'three']) unremoved.add({ ownerId: 'proxy', id });
  expect(unremoved.has({ ownerId: 'another', id: 'one' })).toBe(false);
  for (let look = 0; look < 3; look++, clock.now = () => 100_000 * look) await unremoved.keep();
  expect(removed).toEqual([['two', 'three']]);
  expect([unremoved.count('proxy'), unremoved.has({ ownerId: 'proxy', id: 'one' })]).toEqual([1, true]);
});
