import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { Envelope, InstanceId } from '@radiotracer/instance';
import type { Queue } from '@radiotracer/queue';
import { ManualClock, turns, until } from './testing/manual-clock.ts';
import { Scene, type SceneOptions } from './testing/scene.ts';

/** A scene that notes, in order, what happens to each instance, and lets the schedule's `settleMany` and the spool's `remove` be held up. */
class Pipeline {
  /** `answered 1.2.3.1`, `removed …`, `settled …`. */
  readonly notes: string[] = [];
  /** Waited for before the schedule settles. */
  settling: Promise<void> | undefined;
  /** Waited for before a file is removed, by UID. */
  readonly removing = new Map<string, Promise<void>>();
  /** Waited for before the spool says where a file is. */
  looking: Promise<void> | undefined;
  looks = 0;
  /** Files that are open for reading, and bytes of memory given to them. */
  openFiles = 0;
  mostFiles = 0;
  mostBytes = 0;
  #bytes = 0;
  scene!: Scene;

  static async open({ forwarder, ...options }: SceneOptions = {}): Promise<Pipeline> {
    const pipeline = new Pipeline();
    const { promise, resolve } = Promise.withResolvers<Scene>();
    const scene = await Scene.open({
      ...options,
      around: (queue) => pipeline.#around(queue),
      destination: { maxAssociations: 1, ...options.destination },
      forwarder: { ...forwarder, spool: pipeline.#spool(promise) },
    });
    resolve(scene);
    pipeline.scene = scene;
    scene.pacs.onAnswer = ({ affectedSopInstanceUid }) => pipeline.notes.push(`answered ${affectedSopInstanceUid}`);
    return pipeline;
  }

  notesOf(uid: string): string[] {
    return this.notes.filter((note) => note.endsWith(` ${uid}`)).map((note) => note.split(' ')[0] ?? '');
  }

  #uid(id: InstanceId): string {
    return this.scene.put.find((envelope) => envelope.id === id)?.sopInstanceUid ?? '';
  }

  #around(queue: Queue): Queue {
    return new Proxy(queue, {
      get: (_queue, name: keyof Queue) => {
        const call = (queue[name] as (...given: unknown[]) => unknown).bind(queue);
        if (name !== 'settleMany') return call;
        return async (...given: Parameters<Queue['settleMany']>) => {
          await this.settling;
          const answers = await queue.settleMany(...given);
          for (const { lease, outcome } of given[0]) if (outcome.kind === 'delivered') this.notes.push(`settled ${this.#uid(lease.id)}`);
          return answers;
        };
      },
    });
  }

  #spool(scene: Promise<Scene>): NonNullable<SceneOptions['forwarder']>['spool'] & object {
    return {
      read: async (id, into) => {
        const { spool } = await scene;
        const bytes = into?.length ?? 0;
        this.openFiles++;
        this.#bytes += bytes;
        this.mostFiles = Math.max(this.mostFiles, this.openFiles);
        this.mostBytes = Math.max(this.mostBytes, this.#bytes);
        const ended = () => {
          this.openFiles--;
          this.#bytes -= bytes;
        };
        try {
          const instance = await spool.read(id, into);
          const close = instance.close.bind(instance);
          instance.close = async () => {
            ended();
            await close();
          };
          return instance;
        } catch (error) {
          ended();
          throw error;
        }
      },
      remove: async (id, knownBytes) => {
        await this.removing.get(this.#uid(id));
        await (await scene).spool.remove(id, knownBytes);
        this.notes.push(`removed ${this.#uid(id)}`);
      },
      stateOf: async (id) => {
        this.looks++;
        await this.looking;
        return await (await scene).spool.stateOf(id);
      },
      isAside: async (id) => (await scene).spool.isAside(id),
      look: async (id) => (await scene).spool.look(id),
      move: async (id, to) => (await scene).spool.move(id, to),
      quarantine: async (id, why) => (await scene).spool.quarantine(id, why),
    };
  }
}

async function allArrived({ scene, openFiles }: Pipeline): Promise<void> {
  expect([...new Set(scene.pacs.stored)].sort()).toEqual(scene.put.map(({ sopInstanceUid }) => sopInstanceUid).sort());
  for (const { command, dataSet } of scene.pacs.received) {
    expect(dataSet.equals(scene.bytes.get(command.affectedSopInstanceUid ?? '') ?? new Uint8Array())).toBe(true);
  }
  expect([await scene.spooled(), await scene.entries(), openFiles]).toEqual([[], [], 0]);
}

test('of each instance: answered, then removed, then settled; one that is not settled yet keeps no other waiting', async () => {
  const pipeline = await Pipeline.open();
  await using scene = pipeline.scene;
  const { promise, resolve } = Promise.withResolvers<void>();
  pipeline.settling = promise;
  for (let number = 0; number < 20; number++) await scene.add();
  scene.forwarder.start();
  await until('all to be sent, and out of the spool, with none settled', () => pipeline.notes.length === 40);
  expect(pipeline.notes.filter((note) => note.startsWith('settled'))).toEqual([]);
  expect(scene.of('delivery.attempted')).toEqual([]);
  resolve();
  await until('all to be settled', () => scene.settled());
  await until('all to be told', () => scene.of('delivery.attempted').length === 20);
  for (const { sopInstanceUid } of scene.put) expect(pipeline.notesOf(sopInstanceUid)).toEqual(['answered', 'removed', 'settled']);
  // Told late, and as it was: one after the other.
  const attempts = scene.of('delivery.attempted').sort((one, other) => one.startedAt - other.startedAt);
  for (const [at, { startedAt, requestEndAt, endedAt }] of attempts.entries()) {
    expect(startedAt).toBeLessThanOrEqual(requestEndAt ?? 0);
    expect(requestEndAt).toBeLessThanOrEqual(endedAt ?? 0);
    expect(startedAt).toBeGreaterThanOrEqual(attempts[at - 1]?.endedAt ?? 0);
  }
  await allArrived(pipeline);
});

test('a file that takes long to be removed: its entry is not settled before, and no other is kept waiting', async () => {
  const pipeline = await Pipeline.open();
  await using scene = pipeline.scene;
  const { promise, resolve } = Promise.withResolvers<void>();
  for (let number = 0; number < 6; number++) await scene.add();
  for (const { sopInstanceUid } of scene.put.slice(0, 5)) pipeline.removing.set(sopInstanceUid, promise);
  scene.forwarder.start();
  await until('the last to be settled', () => pipeline.notesOf('1.2.3.6').includes('settled'));
  expect((await scene.entries()).map(({ state }) => state)).toEqual(Array(5).fill('leased'));
  resolve();
  await until('all to be settled', () => scene.settled());
  for (const { sopInstanceUid } of scene.put) expect(pipeline.notesOf(sopInstanceUid)).toEqual(['answered', 'removed', 'settled']);
});

test('so many unsettled, and no more is sent until there are fewer', async () => {
  const pipeline = await Pipeline.open({ forwarder: { tuning: { maxUnsettled: 4 } } });
  await using scene = pipeline.scene;
  const { promise, resolve } = Promise.withResolvers<void>();
  pipeline.settling = promise;
  for (let number = 0; number < 20; number++) await scene.add();
  scene.forwarder.start();
  await until('four to be removed', () => pipeline.notes.length === 8);
  // Whatever would come now has had its time: a whole association's worth of turns.
  for (let turn = 0; turn < 200; turn++) await new Promise((done) => setImmediate(done));
  expect(scene.pacs.received).toHaveLength(4);
  resolve();
  await until('all to be settled', () => scene.settled());
  await allArrived(pipeline);
});

test('stop waits for what is not settled, also when there is nothing else to wait for', async () => {
  const pipeline = await Pipeline.open();
  await using scene = pipeline.scene;
  const { promise, resolve } = Promise.withResolvers<void>();
  pipeline.settling = promise;
  for (let number = 0; number < 3; number++) await scene.add();
  scene.forwarder.start();
  await until('all to be removed', () => pipeline.notes.length === 6);
  let stopped = false;
  const stopping = scene.forwarder.stop(60_000).then(() => {
    stopped = true;
  });
  await until('the association to be released', () => scene.pacs.open === 0 && scene.sockets === 0);
  for (let turn = 0; turn < 50; turn++) await new Promise((done) => setImmediate(done));
  expect(stopped).toBe(false);
  resolve();
  await stopping;
  expect(scene.of('delivery.attempted')).toHaveLength(3);
  await allArrived(pipeline);
});

test('stop with a full pipeline: what was answered is settled, the rest is as it was, and no file stays open', async () => {
  const pipeline = await Pipeline.open({ forwarder: { tuning: { pieceBytes: 4_096 } } });
  await using scene = pipeline.scene;
  const settling = Promise.withResolvers<void>();
  const answering = Promise.withResolvers<void>();
  pipeline.settling = settling.promise;
  // The sixth is being sent, longer ones behind it are open, five before it are not settled.
  for (let number = 0; number < 30; number++) await scene.add({ dataSet: randomBytes(number < 6 ? 900 : 70_000 + number) });
  scene.pacs.answer = (nth) => {
    if (nth === 6) scene.pacs.gate = answering.promise;
    return 0;
  };
  scene.forwarder.start();
  await until('the sixth', () => scene.pacs.received.length === 6 && pipeline.openFiles > 3);
  await until('the others to be removed', () => pipeline.notes.filter((note) => note.startsWith('removed')).length === 5);
  let stopped = false;
  const stopping = scene.forwarder.stop(60_000).then(() => {
    stopped = true;
  });
  answering.resolve();
  await until('the sixth to be removed', () => pipeline.notesOf('1.2.3.6').includes('removed'));
  await until('the association to be released', () => scene.pacs.open === 0 && scene.sockets === 0);
  for (let turn = 0; turn < 50; turn++) await new Promise((done) => setImmediate(done));
  expect(stopped).toBe(false);
  settling.resolve();
  await stopping;
  expect(scene.pacs.received).toHaveLength(6);
  expect(pipeline.openFiles).toBe(0);
  expect(scene.of('delivery.attempted').map(({ outcome }) => outcome)).toEqual(Array(6).fill('delivered'));
  expect((await scene.entries()).map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(Array(24).fill('waiting 0'));
  expect(await scene.spooled()).toHaveLength(24);
});

test('stop while an association is released to make room for one under other AE titles: that one is not begun', async () => {
  // It stands still: what was answered is settled, and so the release goes on, when stop says so.
  const pipeline = await Pipeline.open({ clock: new ManualClock() });
  await using scene = pipeline.scene;
  await scene.add();
  await scene.add({ callingAeTitle: 'CT2', studyInstanceUid: '1.2.4' });
  scene.forwarder.start();
  await until('the first to be removed', () => pipeline.notesOf('1.2.3.1').includes('removed'));
  await turns(50);
  await scene.forwarder.stop(60_000);
  expect(scene.connects).toBe(1);
  expect(scene.pacs.stored).toEqual(['1.2.3.1']);
  expect(await scene.entries()).toMatchObject([{ state: 'waiting', attempts: 0, callingAeTitle: 'CT2' }]);
});

test('what is found in read-ahead is not sent: changed bytes, a file that was held or removed meanwhile', async () => {
  const pipeline = await Pipeline.open({ forwarder: { tuning: { freshMs: 0, pieceBytes: 64 * 1024 } } });
  await using scene = pipeline.scene;
  const answering = Promise.withResolvers<void>();
  scene.pacs.gate = answering.promise;
  const put: Envelope[] = [];
  for (let number = 0; number < 8; number++) put.push(await scene.add({ dataSet: randomBytes(number % 2 === 0 ? 500 : 300_000) }));
  const [, changed, heldLater, goneLater, changedShort, heldLong] = put;
  for (const one of [changed, changedShort]) {
    const instance = await scene.spool.read(one?.id ?? '');
    flipByte(instance.path, instance.bytes - 1);
    await instance.close();
  }
  scene.forwarder.start();
  await until('the first to be on the wire, others read', () => scene.pacs.received.length === 1 && pipeline.openFiles > 5);
  await scene.spool.move(heldLater?.id ?? '', 'held');
  await scene.spool.move(heldLong?.id ?? '', 'held');
  await scene.spool.remove(goneLater?.id ?? '');
  answering.resolve();
  await until('all to be settled', () => scene.settled());
  expect(scene.pacs.stored).toEqual([0, 6, 7].map((at) => put[at]?.sopInstanceUid));
  // The long one's beginning went out, its end never.
  await until('the cut to be seen', () => scene.pacs.cutShort === 1);
  expect(scene.pacs.received).toHaveLength(3);
  const states = [changed, heldLater, changedShort, heldLong].map((one, at) => [one?.id, at % 2 === 0 ? 'dead' : 'held']);
  expect((await scene.entries()).map(({ id, state }) => [id, state])).toEqual(states);
  const told = scene.of('delivery.dead_lettered').map(({ instanceId, errorType, quarantined }) => [instanceId, errorType, quarantined]);
  expect(told.sort()).toEqual([changed, changedShort].map((one) => [one?.id, 'digest_mismatch', true]));
  expect(scene.stats()).toMatchObject({ delivered: 3, dead: 2, gone: 1 });
  await until('all files to be closed', () => pipeline.openFiles === 0);
});

test('a lease that was lost while the spool took its time: the instance, which was ours when it was begun, is not sent', async () => {
  const pipeline = await Pipeline.open({ forwarder: { tuning: { leaseMs: 2_000, freshMs: 0 } } });
  await using scene = pipeline.scene;
  const looking = Promise.withResolvers<void>();
  pipeline.looking = looking.promise;
  await scene.add();
  scene.forwarder.start();
  await until('it to be looked for', () => pipeline.looks === 1);
  const now = Date.now() + 100_000;
  await scene.queue.reclaimExpired(now);
  await scene.queue.claim({ destinationId: 'pacs', leaseHolder: 'another', leaseMs: 600_000, limit: 10, now });
  await until('it to be noticed', () => scene.stats().leasesLost === 1);
  looking.resolve();
  await scene.forwarder.stop(10_000);
  expect(scene.pacs.received).toEqual([]);
  expect(await scene.entries()).toMatchObject([{ state: 'leased', lease: { holder: 'another' } }]);
  expect(pipeline.openFiles).toBe(0);
});

test('a lease that was lost while its instance was read ahead: it is not sent', async () => {
  const pipeline = await Pipeline.open({ forwarder: { tuning: { leaseMs: 2_000 } } });
  await using scene = pipeline.scene;
  const answering = Promise.withResolvers<void>();
  scene.pacs.gate = answering.promise;
  for (let number = 0; number < 4; number++) await scene.add();
  scene.forwarder.start();
  await until('the first to be on the wire, others read', () => scene.pacs.received.length === 1 && pipeline.openFiles === 4);
  const now = Date.now() + 100_000;
  await scene.queue.reclaimExpired(now);
  await scene.queue.claim({ destinationId: 'pacs', leaseHolder: 'another', leaseMs: 600_000, limit: 10, now });
  await until('it to be noticed', () => scene.stats().leasesLost === 4);
  answering.resolve();
  await until('the first to be over', () => scene.stats().delivered === 1);
  await scene.forwarder.stop(10_000);
  expect(scene.pacs.received).toHaveLength(1);
  expect(scene.of('delivery.attempted')).toMatchObject([{ outcome: 'delivered', possibleDuplicate: true }]);
  expect((await scene.entries()).map(({ state, lease }) => [state, lease?.holder])).toEqual(Array(4).fill(['leased', 'another']));
  // Each once, although the end of the first found it again.
  expect(scene.stats()).toMatchObject({ leasesLost: 4, possibleDuplicates: 1 });
  expect(pipeline.openFiles).toBe(0);
});

test('memory and files of what is read ahead are bounded, however long the instances are', async () => {
  const aheadBytes = 128 * 1024;
  const pipeline = await Pipeline.open({ forwarder: { tuning: { pieceBytes: 16 * 1024, aheadBytes, maxAhead: 100 } } });
  await using scene = pipeline.scene;
  for (let number = 0; number < 90; number++) await scene.add({ dataSet: randomBytes(number < 30 ? 200_000 : 5_000) });
  scene.forwarder.start();
  await until('all to arrive', () => scene.settled());
  // What is read with the front; the second piece of each comes on top, and is counted with it.
  expect(pipeline.mostBytes).toBeGreaterThan(16 * 1024);
  expect(pipeline.mostBytes).toBeLessThanOrEqual(2 * aheadBytes + 36 * 1024);
  expect(pipeline.mostFiles).toBeGreaterThan(1);
  await allArrived(pipeline);
});

test.each([0, 0xb000, 'abort', 'drop'] as const)(
  'bytes stay as they were, whatever is read meanwhile into memory that was used before (%s now and then)',
  async (answer) => {
    const pipeline = await Pipeline.open({
      destination: { maxAssociations: 2 },
      forwarder: { tuning: { pieceBytes: 20_000, aheadBytes: 200_000 } },
    });
    await using scene = pipeline.scene;
    scene.pacs.answer = (nth) => (nth % 5 === 0 ? answer : 0);
    for (let number = 0; number < 60; number++) {
      await scene.add({
        dataSet: randomBytes((number * 7_919) % (number % 9 === 0 ? 400_000 : 30_000)),
        studyInstanceUid: `1.9.${number % 3}`,
      });
    }
    scene.forwarder.start();
    await until('all to arrive', () => scene.settled());
    await allArrived(pipeline);
  },
);

function flipByte(path: string, at: number): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 1;
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}
