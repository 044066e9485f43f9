import { open, readFile } from 'node:fs/promises';
import { openMemoryQueue, type Queue } from '@radiotracer/queue';
import { FickleQueue } from './testing/fickle-queue.ts';
import { ManualClock, turns, until } from './testing/manual-clock.ts';
import { Scene } from './testing/scene.ts';

async function fickleScene(clock?: ManualClock): Promise<[Scene, FickleQueue]> {
  let fickle: FickleQueue | undefined;
  const scene = await Scene.open({
    random: () => 0.5,
    ...(clock === undefined ? {} : { clock }),
    around: (queue) => {
      fickle = new FickleQueue(queue);
      return fickle.view;
    },
  });
  if (fickle === undefined) throw new Error('no queue');
  return [scene, fickle];
}

/** The schedule, of which each rebuild is followed by something before it is answered. */
function behindRebuild(queue: Queue, then: () => Promise<void>): Queue {
  return new Proxy(queue, {
    get: (_queue, name) =>
      name !== 'rebuild'
        ? (Reflect.get(queue, name) as () => unknown).bind(queue)
        : async (...given: Parameters<Queue['rebuild']>) => {
            const result = await queue.rebuild(...given);
            await then();
            return result;
          },
  });
}

test('adds that were refused while everything else worked are found again, by one rebuild, and told once', async () => {
  const [opened, queue] = await fickleScene();
  await using scene = opened;
  queue.refusedAdds = 3;
  for (let number = 0; number < 3; number++) await scene.add();
  expect(scene.scheduler.isIncomplete).toBe(true);
  // Now, and not before: a rebuild after the first of them would not know of the others.
  scene.forwarder.start();
  expect(scene.missed).toMatchObject([{ code: 'refused' }]);
  await until('all to arrive', () => scene.pacs.stored.length === 3);
  expect(scene.rebuilds).toBe(1);
  await until('the rebuild to be over', () => !scene.scheduler.isIncomplete);
  // The next outage is told again.
  await scene.add();
  queue.refusedAdds = 1;
  await scene.add();
  expect(scene.missed).toHaveLength(2);
});

test('an add that fails while a rebuild runs is not taken for found by it', async () => {
  const [opened, queue] = await fickleScene();
  await using scene = opened;
  const { current } = queue;
  // Listed already.
  queue.current = behindRebuild(current, async () => {
    queue.refusedAdds = 1;
    await scene.add();
  });
  await scene.scheduler.rebuild();
  expect(scene.scheduler.isIncomplete).toBe(true);
  queue.current = current;
  await scene.scheduler.rebuild();
  expect(scene.scheduler.isIncomplete).toBe(false);
  expect(await scene.entries()).toHaveLength(1);
});

test('a schedule that could not be reached at the start, or lost its memory while it was rebuilt, is rebuilt when it can be', async () => {
  const [opened, queue] = await fickleScene();
  await using scene = opened;
  await scene.add();
  queue.current = openMemoryQueue();
  queue.away = true;
  await expect(scene.scheduler.rebuild()).rejects.toMatchObject({ name: 'QueueUnavailable' });
  expect(await scene.scheduler.keep()).toBe(false);
  queue.away = false;
  queue.current = behindRebuild(queue.current, async () => {
    queue.current = openMemoryQueue();
  });
  await scene.scheduler.rebuild();
  expect(await scene.entries()).toEqual([]);
  expect(await scene.scheduler.keep()).toBe(true);
  expect(await scene.entries()).toHaveLength(1);
  expect(await scene.scheduler.keep()).toBe(false);
});

test('a rebuild that takes its time, of a large spool, is followed by a rest of four times that', async () => {
  const clock = new ManualClock();
  const [opened, queue] = await fickleScene(clock);
  await using scene = opened;
  queue.current = behindRebuild(queue.current, () => clock.advance(100_000));
  for (const _ of [1, 2]) {
    queue.refusedAdds = 1;
    await scene.add();
    expect(await scene.scheduler.keep()).toBe(true);
    queue.refusedAdds = 1;
    await scene.add();
    await clock.advance(400_000);
    expect(await scene.scheduler.keep()).toBe(false);
    await clock.advance(60_000);
  }
});

test('a full schedule is not rebuilt while it refuses, and at the first look at which it does not', async () => {
  const clock = new ManualClock();
  const [opened, queue] = await fickleScene(clock);
  await using scene = opened;
  await scene.scheduler.rebuild();
  queue.refuses = 'new';
  queue.refusedAdds = 1;
  await scene.add();
  for (let look = 0; look < 100; look++) {
    await scene.scheduler.keep().catch(() => {});
    await clock.advance(5_000);
  }
  queue.refuses = undefined;
  expect(await scene.scheduler.keep()).toBe(true);
  expect(await scene.entries()).toHaveLength(1);
});

test('a schedule that refuses an add every minute is not rebuilt every minute', async () => {
  const clock = new ManualClock();
  const [opened, queue] = await fickleScene(clock);
  await using scene = opened;
  for (let second = 0; second < 3600; second++) {
    queue.refusedAdds = 1;
    if (second % 60 === 0) await scene.add();
    if (second % 5 === 0) await scene.scheduler.keep();
    await clock.advance(1_000);
    await turns(1);
  }
  expect(scene.rebuilds).toBeGreaterThan(3);
  expect(scene.rebuilds).toBeLessThan(45);
  // No add has failed since; a bounded wait, and all is known.
  for (let look = 0; look < 60 && scene.scheduler.isIncomplete; look++) {
    await clock.advance(5_000);
    await scene.scheduler.keep();
  }
  expect(scene.scheduler.isIncomplete).toBe(false);
  expect(await scene.entries()).toHaveLength(60);
});

test('a schedule that has lost some of it and says nothing (keys were evicted) is found by its numbers', async () => {
  const clock = new ManualClock();
  const [opened] = await fickleScene(clock);
  await using scene = opened;
  const [waiting, held, dead] = [await scene.add(), await scene.add(), await scene.add()];
  await scene.spool.move(held.id, 'held');
  await scene.spool.move(dead.id, 'dead');
  await scene.scheduler.rebuild();
  const states = async () => (await scene.entries()).map(({ state }) => state).sort();
  for (const { id } of [waiting, held, dead]) {
    await scene.queue.remove({ ids: [id] }, 1);
    expect(await states()).toHaveLength(2);
    for (let look = 0; look < 100 && !(await scene.scheduler.keep()); look++) await clock.advance(5_000);
    expect(await states()).toEqual(['dead', 'held', 'waiting']);
  }
  const { rebuilds } = scene;
  for (let look = 0; look < 100; look++) {
    await scene.scheduler.keep();
    await clock.advance(5_000);
  }
  expect(scene.rebuilds).toBe(rebuilds);
});

test('a rebuild under way ends when the process does, and what it has not told stays to be told', async () => {
  const [opened, queue] = await fickleScene();
  await using scene = opened;
  queue.refusedAdds = 1;
  await scene.add();
  scene.scheduler.stop();
  await scene.scheduler.rebuild();
  expect(scene.scheduler.isIncomplete).toBe(true);
  expect(await scene.entries()).toEqual([]);
});

test('a file whose front has changed is moved aside by the rebuild that finds it, and is not lacking for ever', async () => {
  const [opened] = await fickleScene();
  await using scene = opened;
  const [{ id }, whole] = [await scene.add(), await scene.add()];
  const instance = await scene.spool.read(id);
  await instance.close();
  const file = await open(instance.path, 'r+');
  await file.write('X', (await readFile(instance.path)).indexOf('"destinationId"') + 20);
  await file.close();
  // What the schedule knows is not opened for it.
  await scene.scheduler.rebuild();
  expect(scene.findings).toEqual([]);
  expect(await scene.entries()).toHaveLength(2);
  await scene.queue.remove({}, 1);
  await scene.scheduler.rebuild();
  expect((await scene.entries()).map((entry) => entry.id)).toEqual([whole.id]);
  expect(scene.spool.usage).toMatchObject({ waiting: { instances: 1 }, damaged: { instances: 1 } });
  expect(scene.findings).toMatchObject([{ kind: 'damaged', movedTo: expect.any(String) }]);
  expect(scene.findings).toHaveLength(1);
});

test('a rebuild forgets what is not in the spool any more; but not what was moved aside, before that was told', async () => {
  const [opened] = await fickleScene();
  await using scene = opened;
  const [gone, aside] = [await scene.add(), await scene.add()];
  await scene.spool.remove(gone.id);
  await scene.spool.quarantine(aside.id, 'a person looked into it');
  await scene.scheduler.rebuild();
  expect((await scene.entries()).map(({ id }) => id)).toEqual([aside.id]);
  scene.forwarder.start();
  await until('it to be told', () => scene.of('delivery.dead_lettered').length === 1);
  expect(scene.of('delivery.dead_lettered')).toMatchObject([{ instanceId: aside.id, errorType: 'instance_damaged', quarantined: true }]);
});
