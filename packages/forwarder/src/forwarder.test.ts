import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { mkdir, readdir, rename, rmdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { acceptContexts } from '@radiotracer/upper-layer';
import type { AssociateRq } from '@radiotracer/wire';
import { until } from './testing/manual-clock.ts';
import { explicitVrLittleEndian, jpegBaseline, Scene } from './testing/scene.ts';

/** Everything that was put arrived byte for byte, and is neither in the spool nor in the schedule. */
async function allArrived(scene: Scene): Promise<void> {
  expect([...new Set(scene.pacs.stored)].sort()).toEqual(scene.put.map(({ sopInstanceUid }) => sopInstanceUid).sort());
  for (const { command, dataSet } of scene.pacs.received) {
    expect(dataSet.equals(scene.bytes.get(command.affectedSopInstanceUid ?? '') ?? new Uint8Array())).toBe(true);
  }
  expect(await scene.spooled()).toEqual([]);
  expect(await scene.entries()).toEqual([]);
}

function contextsOf(rq: AssociateRq): string[] {
  return rq.items.flatMap((item) =>
    item.kind === 'presentation-context-rq' ? [`${item.abstractSyntax} ${item.transferSyntaxes.join(' ')}`.replaceAll('\0', '')] : [],
  );
}

test.each(['memory', 'sqlite'] as const)(
  'what waits arrives as it was, study by study in order of arrival, as it was sent to us (schedule: %s)',
  async (home) => {
    await using scene = await Scene.open({ home });
    const proposed: string[][] = [];
    scene.pacs.onRequest = (rq) => proposed.push(contextsOf(rq));
    for (let number = 0; number < 40; number++) {
      const studyInstanceUid = `1.9.${number % 3}`;
      await scene.add({
        studyInstanceUid,
        dataSet: randomBytes(number === 7 ? 3_000_001 : number * 517),
        ...(number % 2 === 0 ? {} : { transferSyntaxUid: jpegBaseline }),
        ...(number === 5 ? { priority: 2, moveOriginatorAeTitle: 'WORKSTATION', moveOriginatorMessageId: 77 } : {}),
        ...(number === 6 ? { sopClassUid: '1.2.3.999', abstractSyntaxUid: '1.2.3.1000' } : {}),
        ...(number === 9 ? { callingAeTitle: 'CT2' } : {}),
        ...(number === 10 ? { calledAeTitle: 'OTHER' } : {}),
      });
    }
    scene.forwarder.start();
    await until('all to arrive', () => scene.settled());
    await allArrived(scene);
    expect(scene.pacs.received).toHaveLength(40);
    for (const study of [0, 1, 2]) {
      const usual = ({ callingAeTitle, calledAeTitle }: { callingAeTitle: string; calledAeTitle: string }) =>
        callingAeTitle === 'CT1' && calledAeTitle === 'PACS';
      const expected = scene.put.filter((envelope) => envelope.studyInstanceUid === `1.9.${study}` && usual(envelope));
      const uids = new Set(expected.map(({ sopInstanceUid }) => sopInstanceUid));
      const arrived = scene.pacs.received.filter((one) => usual(one)).map(({ command }) => command.affectedSopInstanceUid ?? '');
      expect(arrived.filter((uid) => uids.has(uid))).toEqual([...uids]);
    }
    for (const { command, transferSyntax, callingAeTitle, calledAeTitle } of scene.pacs.received) {
      const envelope = scene.put.find(({ sopInstanceUid }) => sopInstanceUid === command.affectedSopInstanceUid);
      expect({ transferSyntaxUid: transferSyntax, callingAeTitle, calledAeTitle }).toEqual({
        transferSyntaxUid: envelope?.transferSyntaxUid,
        callingAeTitle: envelope?.callingAeTitle,
        calledAeTitle: envelope?.calledAeTitle,
      });
      expect([command.affectedSopClassUid, command.priority, command.moveOriginatorAeTitle, command.moveOriginatorMessageId]).toEqual([
        envelope?.sopClassUid,
        envelope?.priority ?? 0,
        envelope?.moveOriginatorAeTitle,
        envelope?.moveOriginatorMessageId,
      ]);
    }
    for (const contexts of proposed) expect(new Set(contexts).size).toBe(contexts.length);
    expect(new Set(proposed.flat())).toEqual(
      new Set([
        `1.2.840.10008.5.1.4.1.1.2 ${explicitVrLittleEndian}`,
        `1.2.840.10008.5.1.4.1.1.2 ${jpegBaseline}`,
        `1.2.3.1000 ${explicitVrLittleEndian}`,
      ]),
    );
    expect(scene.pacs.peak).toBeLessThanOrEqual(2);
    // A study is one association's, and one after another needs no new one: three, two with other titles, and at most one more each
    // where what was proposed at first did not cover what was claimed later.
    expect(scene.pacs.associations).toBeLessThanOrEqual(8);
    expect(scene.of('delivery.attempted')).toHaveLength(40);
    expect(scene.stats()).toMatchObject({ delivered: 40, retried: 0, dead: 0, possibleDuplicates: 0 });
  },
);

test('sent again while it waited: of what is the same in every byte the PACS gets one, of all else each; what comes after that goes', async () => {
  await using scene = await Scene.open();
  await scene.pacs.down();
  const same = { sopInstanceUid: '1.2.3.1', dataSet: randomBytes(5_000) };
  await scene.add(same);
  const twin = await scene.add(same);
  const others = [
    { dataSet: randomBytes(5_000) },
    { callingAeTitle: 'CT2' },
    { transferSyntaxUid: jpegBaseline },
    { studyInstanceUid: '1.2.4' },
  ];
  for (const other of others) await scene.add({ ...same, ...other });
  scene.forwarder.start();
  await scene.pacs.up();
  await until('all to arrive', () => scene.settled());
  // The last is the same to the PACS; which of the two is sent is of no matter.
  expect(scene.pacs.stored).toEqual(Array(4).fill('1.2.3.1'));
  expect(await scene.spooled()).toEqual([]);
  const told = scene.of('delivery.attempted');
  expect(told.filter(({ outcome }) => outcome === 'delivered')).toHaveLength(4);
  expect(told.filter(({ outcome }) => outcome === 'spared')).toHaveLength(2);
  expect(told.find(({ outcome }) => outcome === 'spared')).toMatchObject({
    status: undefined,
    possibleDuplicate: false,
    sopInstanceUid: twin.sopInstanceUid,
  });
  await scene.add({ ...same, receivedAt: Math.trunc(Date.now()) + 1_000 });
  await until('it to arrive', () => scene.settled());
  expect(scene.pacs.stored).toHaveLength(5);
});

test('a PACS that is down costs a probe now and then and no attempt; when it is up all arrive', async () => {
  await using scene = await Scene.open();
  await scene.pacs.down();
  for (let number = 0; number < 10; number++) await scene.add();
  scene.forwarder.start();
  await until('five probes', () => scene.stats().probes >= 5);
  expect((await scene.entries()).map(({ attempts, state }) => `${state} ${attempts}`)).toEqual(Array(10).fill('waiting 0'));
  expect([scene.stats().associations, scene.circuit.isOpen]).toEqual([1, true]);
  await scene.pacs.up();
  await until('all to arrive', () => scene.settled());
  await allArrived(scene);
  expect(scene.circuit.state).toBe('closed');
  expect(scene.of('circuit.changed').at(-1)).toMatchObject({ from: 'half-open', to: 'closed' });
});

test('the relay opens the circuit and the forwarder probes it shut again, with nothing queued', async () => {
  await using scene = await Scene.open();
  scene.forwarder.start();
  scene.circuit.failed('connection_refused');
  await until('the circuit to close', () => !scene.circuit.isOpen);
  expect([scene.stats().probes, scene.pacs.associations]).toEqual([1, 1]);
});

test('statuses: delivered, warning and duplicate go; out of resources and not supported come again; the rest is buried', async () => {
  await using scene = await Scene.open({ destination: { statuses: { delivered: ['C123'], retry: [], dead: [] } } });
  const first: Record<string, number> = {
    '1.2.3.1': 0xb000,
    '1.2.3.2': 0x0111,
    '1.2.3.3': 0xa700,
    '1.2.3.4': 0x0122,
    '1.2.3.5': 0xa900,
    '1.2.3.6': 0xc000,
    '1.2.3.7': 0x0110,
    '1.2.3.8': 0xc123,
  };
  const seen = new Set<string>();
  scene.pacs.answer = (_nth, { affectedSopInstanceUid: uid = '' }) => {
    const status = seen.has(uid) ? 0 : (first[uid] ?? 0);
    seen.add(uid);
    return status;
  };
  for (let number = 0; number < 9; number++) await scene.add();
  scene.forwarder.start();
  await until('all to be settled', () => scene.settled());
  const entries = await scene.entries();
  expect(entries.map(({ sopInstanceUid, state, lastError }) => [sopInstanceUid, state, lastError?.status])).toEqual([
    ['1.2.3.5', 'dead', 0xa900],
    ['1.2.3.6', 'dead', 0xc000],
  ]);
  expect((await scene.spooled()).map((line) => line.split(' ')[0])).toEqual(['dead', 'dead']);
  expect(scene.stats()).toMatchObject({ delivered: 7, withWarning: 1, retried: 3, dead: 2, possibleDuplicates: 0 });
  expect(scene.pacs.received).toHaveLength(12);
  // Told as they are settled: two that are moved at the same time come in either order.
  const told = scene.of('delivery.dead_lettered').sort((one, other) => (one.status ?? 0) - (other.status ?? 0));
  expect(told).toMatchObject([
    { errorType: 'status_failure', status: 0xa900, attempts: 1, quarantined: false },
    { errorType: 'status_failure', status: 0xc000, attempts: 1, quarantined: false },
  ]);
});

test('a refused presentation context is a dead letter with its reason; the rest of the batch goes on', async () => {
  await using scene = await Scene.open();
  scene.pacs.negotiate = (rq) => ({
    contexts: acceptContexts(rq, (_abstract, offered) => offered[0]).map((one) =>
      one.transferSyntax === jpegBaseline ? { ...one, result: 4 } : one,
    ),
  });
  for (let number = 0; number < 6; number++) await scene.add(number === 2 ? { transferSyntaxUid: jpegBaseline } : {});
  scene.forwarder.start();
  await until('all to be settled', () => scene.settled());
  expect(scene.pacs.stored).toHaveLength(5);
  expect(scene.pacs.associations).toBe(1);
  expect(scene.of('delivery.dead_lettered')).toMatchObject([
    { errorType: 'presentation_context_refused', contextResult: 4, sopInstanceUid: '1.2.3.3' },
  ]);
  expect((await scene.entries())[0]).toMatchObject({ state: 'dead', lastError: { errorType: 'presentation_context_refused' } });
});

test('a PACS that aborts each third instance gets all of them, one attempt more for each that it aborted', async () => {
  await using scene = await Scene.open();
  scene.pacs.answer = (nth) => (nth % 3 === 0 ? 'abort' : 0);
  for (let number = 0; number < 12; number++) await scene.add();
  scene.forwarder.start();
  await until('all to arrive', () => scene.settled());
  await allArrived(scene);
  const aborted = scene.pacs.received.filter(({ answer }) => answer === 'abort').length;
  expect(aborted).toBeGreaterThanOrEqual(4);
  expect(scene.stats()).toMatchObject({ delivered: 12, retried: aborted, possibleDuplicates: aborted });
  // One after each abort, and one where the others were through before the next retry was due.
  expect(scene.stats().associations).toBeLessThanOrEqual(2 * aborted + 1);
  expect(scene.of('circuit.changed')).toEqual([]);
  // What it said, and what we announced to it.
  const said = scene.of('association.ended').flatMap(({ abort }) => abort ?? []);
  expect([said.length, ...new Set(said.map((one) => JSON.stringify(one)))]).toEqual([aborted, '{"source":2,"reason":5,"by":"peer"}']);
  expect(new Set(scene.of('association.opened').map(({ requestorMaxPduBytes }) => requestorMaxPduBytes))).toEqual(new Set([131_072]));
});

test.each(['drop', 'wrong-id', 'no-status', 'silence'] as const)(
  'an outcome that cannot be known (%s) is sent again and counted as a possible duplicate',
  async (fault) => {
    await using scene = await Scene.open({
      destination: {
        timeouts: {
          artimMs: 1000,
          connectMs: 5000,
          associateMs: 5000,
          dimseResponseMs: 100,
          storeResponseMs: 0,
          idleMs: 0,
          releaseMs: 2000,
        },
      },
    });
    scene.pacs.answer = (nth) => (nth === 2 ? fault : 0);
    for (let number = 0; number < 3; number++) await scene.add();
    scene.forwarder.start();
    await until('all to arrive', () => scene.settled());
    await allArrived(scene);
    expect(scene.pacs.received.map(({ command }) => command.affectedSopInstanceUid).sort()).toEqual([
      '1.2.3.1',
      '1.2.3.2',
      '1.2.3.2',
      '1.2.3.3',
    ]);
    expect(scene.stats()).toMatchObject({ delivered: 3, retried: 1, possibleDuplicates: 1 });
    expect(scene.of('delivery.attempted').filter(({ possibleDuplicate }) => possibleDuplicate)).toMatchObject([
      {
        sopInstanceUid: '1.2.3.2',
        outcome: 'retry',
        errorType: { drop: 'connection_closed', silence: 'dimse_timeout', 'wrong-id': 'protocol_error', 'no-status': 'protocol_error' }[
          fault
        ],
      },
    ]);
  },
);

test.each([
  ['short: never begun', 10_000, 0],
  ['long: never ended', 3_000_000, 1],
])('an instance whose bytes have changed is moved aside and loud (%s)', async (_what, bytes, cutShort) => {
  await using scene = await Scene.open();
  await scene.add();
  const bad = await scene.add({ dataSet: randomBytes(bytes) });
  await scene.add();
  const instance = await scene.spool.read(bad.id);
  await instance.close();
  flipByte(instance.path, instance.bytes - 1);
  scene.forwarder.start();
  await until('all to be settled', () => scene.settled());
  expect(scene.pacs.stored).toEqual(['1.2.3.1', '1.2.3.3']);
  await until('the cut to be seen', () => scene.pacs.cutShort === cutShort);
  expect(scene.pacs.received).toHaveLength(2);
  expect(scene.of('delivery.dead_lettered')).toMatchObject([
    { sopInstanceUid: '1.2.3.2', errorType: 'digest_mismatch', quarantined: true },
  ]);
  expect(scene.findings).toMatchObject([{ kind: 'damaged' }]);
  expect(await scene.spooled()).toEqual([]);
  expect(scene.of('circuit.changed')).toEqual([]);
});

test.each<[string, (scene: Scene, id: string, path: string) => Promise<unknown>]>([
  ['not what was written', async (_scene, _id, path) => flipByte(path, 600)],
  ['cut short', (_scene, _id, path) => truncate(path, 5000)],
  ['empty', (_scene, _id, path) => truncate(path, 0)],
  ['moved aside before its turn', (scene, id) => scene.spool.quarantine(id, 'found by a survey')],
  [
    'moved aside, and the schedule is built anew before its turn',
    async (scene, id) => {
      await scene.spool.quarantine(id, 'found by a survey');
      await scene.scheduler.rebuild();
    },
  ],
])('an instance whose file is no envelope any more is given up, and told as what the schedule knows of it (%s)', async (_what, damage) => {
  await using scene = await Scene.open();
  await scene.add();
  const { id, studyInstanceUid, sopClassUid } = await scene.add({ dataSet: randomBytes(10_000) });
  await scene.add();
  const instance = await scene.spool.read(id);
  await instance.close();
  await damage(scene, id, instance.path);
  scene.forwarder.start();
  await until('all to be settled', async () => (await scene.entries()).map(({ state }) => state).join() === 'dead');
  expect(scene.pacs.stored).toEqual(['1.2.3.1', '1.2.3.3']);
  expect(scene.of('delivery.dead_lettered')).toMatchObject([
    { instanceId: id, studyInstanceUid, sopInstanceUid: '1.2.3.2', sopClassUid, errorType: 'instance_damaged', quarantined: true },
  ]);
  expect(await scene.entries()).toMatchObject([{ id, lastError: { errorType: 'instance_damaged' } }]);
});

test('AE titles that are rejected for good rest together; others are not kept waiting, and all arrive once they are let in', async () => {
  await using scene = await Scene.open();
  let strangers = true;
  let rejected = 0;
  scene.pacs.negotiate = (rq) => {
    if (strangers && rq.callingAeTitle.startsWith('CT2')) {
      rejected++;
      return { reject: { result: 1, source: 1, reason: 3 } };
    }
    return { contexts: acceptContexts(rq, (_abstract, offered) => offered[0]) };
  };
  for (let number = 0; number < 20; number++) {
    await scene.add({ callingAeTitle: number % 2 === 0 ? 'CT1' : 'CT2', studyInstanceUid: `1.9.${number}` });
  }
  scene.forwarder.start();
  await until('those that may', () => scene.pacs.stored.length === 10);
  await until('some attempts', () => rejected >= 5);
  // Ten studies under these titles: by one association each, every rest would be ten.
  expect(scene.circuit.isOpen).toBe(false);
  strangers = false;
  await until('the others', () => scene.settled());
  await allArrived(scene);
  expect(
    scene
      .of('delivery.attempted')
      .filter(({ errorType }) => errorType === 'rejected')
      .every(({ callingAeTitle }) => callingAeTitle === 'CT2'),
  ).toBe(true);
  expect(scene.of('association.ended').flatMap(({ reject }) => reject?.meaning ?? [])).toContain(
    'the association was rejected permanently: calling AE title not recognized',
  );
});

test('while modalities are relayed the backlog has one association, and goes on', async () => {
  await using scene = await Scene.open();
  scene.live = 3;
  for (let number = 0; number < 12; number++) await scene.add({ studyInstanceUid: `1.9.${number % 4}` });
  scene.forwarder.start();
  await until('all to arrive', () => scene.settled());
  await allArrived(scene);
  expect(scene.pacs.peak).toBe(1);
});

test('a file that is gone settles its entry, and is told; one that a person holds is not sent', async () => {
  await using scene = await Scene.open();
  const gone = await scene.add();
  const held = await scene.add();
  await scene.add();
  await scene.spool.remove(gone.id);
  await scene.spool.move(held.id, 'held');
  scene.forwarder.start();
  await until('all to be settled', () => scene.settled());
  expect(scene.pacs.stored).toEqual(['1.2.3.3']);
  expect((await scene.entries()).map(({ id, state }) => [id, state])).toEqual([[held.id, 'held']]);
  expect(scene.stats()).toMatchObject({ gone: 1, delivered: 1 });
  expect(scene.of('spool.found')).toMatchObject([{ kind: 'missing', instanceId: gone.id, moved: false }]);
});

test('a file that cannot be read is tried again and told once, and goes when it can be', async () => {
  await using scene = await Scene.open();
  const { id } = await scene.add();
  const names = await readdir(scene.folder, { recursive: true });
  const file = join(scene.folder, names.find((name) => name.endsWith('.dcm') && name.includes(id)) ?? '');
  await rename(file, `${scene.folder}/file`);
  await mkdir(file);
  scene.forwarder.start();
  await until('three attempts', async () => ((await scene.entries())[0]?.attempts ?? 0) >= 3);
  expect(await scene.entries()).toMatchObject([{ id, lastError: { errorType: 'spool_failure' } }]);
  await rmdir(file);
  await rename(`${scene.folder}/file`, file);
  await until('it to arrive', () => scene.settled());
  expect(scene.pacs.stored).toEqual(['1.2.3.1']);
  expect(scene.of('spool.found')).toMatchObject([{ kind: 'unreadable', instanceId: id, moved: false }]);
});

test('held while it is being sent: what arrives has arrived, what fails is held, and stays so when the schedule has lost its memory', async () => {
  await using scene = await Scene.open();
  const arrives = await scene.add();
  const fails = await scene.add({ studyInstanceUid: '1.9' });
  const moved: Promise<void>[] = [];
  scene.pacs.delayMs = 50;
  scene.pacs.answer = (_nth, { affectedSopInstanceUid: uid }) => {
    const { id } = uid === arrives.sopInstanceUid ? arrives : fails;
    if (scene.pacs.received.length < 2) moved.push(scene.spool.move(id, 'held'));
    return uid === arrives.sopInstanceUid ? 0 : 0xa700;
  };
  scene.forwarder.start();
  await until('all to be settled', () => scene.settled());
  await Promise.all(moved);
  expect(moved).toHaveLength(2);
  expect(scene.pacs.received).toHaveLength(2);
  expect(await scene.spooled()).toEqual([`held ${fails.id}`]);
  expect((await scene.entries()).map(({ id, state, attempts }) => [id, state, attempts])).toEqual([[fails.id, 'held', 1]]);
  await scene.queue.remove({}, Date.now());
  await scene.scheduler.rebuild();
  scene.forwarder.wake();
  expect((await scene.entries()).map(({ id, state }) => [id, state])).toEqual([[fails.id, 'held']]);
});

describe('given up in the spool, and a crash kept the schedule and telemetry from hearing of it: it is not sent again, and told', () => {
  const told = { errorType: 'dead_in_spool', quarantined: false, sopInstanceUid: '1.2.3.1' };

  test('when it is claimed', async () => {
    await using scene = await Scene.open();
    const { id } = await scene.add();
    await scene.spool.move(id, 'dead');
    scene.forwarder.start();
    await until('it to be settled', () => scene.settled());
    expect(scene.pacs.received).toEqual([]);
    expect((await scene.entries()).map(({ state, lastError }) => [state, lastError])).toMatchObject([
      ['dead', { errorType: 'dead_in_spool' }],
    ]);
    await until('it to be told', () => scene.of('delivery.dead_lettered').length > 0);
    expect(scene.of('delivery.dead_lettered')).toMatchObject([{ ...told, instanceId: id, attempts: 0 }]);
  });

  test('when the schedule is made equal to the spool, once', async () => {
    await using scene = await Scene.open();
    const [{ id }, { id: held }] = [await scene.add(), await scene.add()];
    await scene.spool.move(id, 'dead');
    await scene.spool.move(held, 'held');
    for (let time = 0; time < 2; time++) await scene.scheduler.rebuild();
    const states = Object.fromEntries((await scene.entries()).map((entry) => [entry.id, entry.state]));
    expect(states).toEqual({ [id]: 'dead', [held]: 'held' });
    expect(scene.of('delivery.dead_lettered')).toMatchObject([{ ...told, instanceId: id, attempts: undefined }]);
  });
});

test('stop lets the instance under way come to its end, and gives the rest back untried', async () => {
  await using scene = await Scene.open();
  for (let number = 0; number < 5; number++) await scene.add({ dataSet: randomBytes(2_000_000) });
  const stopped = Promise.withResolvers<void>();
  let asked = false;
  scene.pacs.onPiece = () => {
    if (asked) return;
    asked = true;
    stopped.resolve(scene.forwarder.stop(10_000));
  };
  scene.forwarder.start();
  await stopped.promise;
  expect(scene.pacs.stored).toEqual(['1.2.3.1']);
  expect((await scene.entries()).map(({ state, attempts, possibleDuplicates }) => [state, attempts, possibleDuplicates])).toEqual(
    Array(4).fill(['waiting', 0, 0]),
  );
  expect(await scene.spooled()).toHaveLength(4);
  expect(scene.pacs.open).toBe(0);
});

test('stop without time aborts; what the PACS never had whole is unsent, what it may have is a possible duplicate', async () => {
  await using scene = await Scene.open();
  scene.pacs.answer = () => 'silence';
  await scene.add();
  await scene.add();
  scene.forwarder.start();
  await until('the first to be there', () => scene.pacs.received.length === 1);
  await scene.forwarder.stop(0);
  expect((await scene.entries()).map(({ state, attempts, possibleDuplicates }) => [state, attempts, possibleDuplicates])).toEqual([
    ['waiting', 1, 1],
    ['waiting', 0, 0],
  ]);
  expect(scene.of('delivery.attempted')).toMatchObject([{ outcome: 'retry', errorType: 'shutdown', possibleDuplicate: true }]);
});

test('stop without time in the middle of an instance: it is as it was, and the PACS is not taken to have failed', async () => {
  await using scene = await Scene.open();
  await scene.add({ dataSet: Buffer.alloc(64_000_000) });
  const stopped = Promise.withResolvers<void>();
  scene.pacs.onPiece = () => stopped.resolve(scene.forwarder.stop(0));
  scene.forwarder.start();
  await stopped.promise;
  expect(await scene.entries()).toMatchObject([{ state: 'waiting', attempts: 0, possibleDuplicates: 0 }]);
  expect(scene.of('delivery.attempted')).toMatchObject([{ outcome: 'unsent', errorType: 'shutdown', possibleDuplicate: false }]);
  expect(scene.pacs.received).toEqual([]);
});

function flipByte(path: string, at: number): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 1;
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}

test('each association is told from its request to its end, and each attempt names the one that it was made on', async () => {
  await using scene = await Scene.open({});
  for (let number = 0; number < 5; number++) await scene.add({ studyInstanceUid: '1.9.1' });
  scene.forwarder.start();
  await until('all to arrive', () => scene.settled());
  await scene.forwarder.stop(5_000);
  const [opened] = scene.of('association.opened');
  expect(opened).toMatchObject({ role: 'client', callingAeTitle: 'CT1', calledAeTitle: 'PACS', proposedContexts: 1 });
  const attempts = scene.of('delivery.attempted');
  expect(attempts.map(({ associationId }) => associationId)).toEqual(attempts.map(() => opened?.associationId));
  const ended = scene.of('association.ended');
  expect(ended).toMatchObject([{ associationId: opened?.associationId, outcome: 'released', errorType: undefined, operations: 5 }]);
  expect(ended[0]?.bytesSent).toBeGreaterThan(0);
});

test.each([
  ['rejected for now', { reject: { result: 2, source: 1, reason: 1 } }],
  ['told of a limit', { reject: { result: 2, source: 3, reason: 2 } }],
  // Under them, a C-ECHO comes to the same.
  ['hung up on', undefined],
] as const)('AE titles that are %s, however long, keep nobody else waiting', async (_how, answer) => {
  await using scene = await Scene.open();
  let strangers = true;
  const isStrange = (rq: AssociateRq) => strangers && rq.callingAeTitle.startsWith('CT2');
  scene.pacs.hangsUp = (rq) => answer === undefined && isStrange(rq);
  scene.pacs.negotiate = (rq) =>
    answer !== undefined && isStrange(rq) ? answer : { contexts: acceptContexts(rq, (_abstract, offered) => offered[0]) };
  // Theirs came first, and long before the others.
  for (let number = 0; number < 10; number++) await scene.add({ callingAeTitle: 'CT2', studyInstanceUid: `1.9.${number}` });
  scene.forwarder.start();
  await until('some attempts', () => scene.connects >= 8);
  for (let number = 0; number < 10; number++) await scene.add({ callingAeTitle: 'CT1', studyInstanceUid: `1.8.${number}` });
  await until('those that may', () => scene.pacs.stored.length === 10);
  expect((await scene.entries()).every(({ attempts }) => attempts === 0)).toBe(true);
  strangers = false;
  await until('the others', () => scene.settled());
  await allArrived(scene);
});

test.each([
  ['answered with out of resources', 0xa700],
  ['answered by an abort', 'abort'],
] as const)('a study that is %s, however long, lets others go before the rest of it', async (_how, answer) => {
  const retry = { initialMs: 50, maxMs: 50, budgetMs: 7 * 86_400_000 };
  await using scene = await Scene.open({ destination: { maxAssociations: 1, retry } });
  let ill = true;
  const disliked = new Set<string>();
  scene.pacs.answer = (_nth, { affectedSopInstanceUid = '' }) => (ill && disliked.has(affectedSopInstanceUid) ? answer : 0);
  for (let number = 0; number < 40; number++) disliked.add((await scene.add({ studyInstanceUid: '1.9.1' })).sopInstanceUid);
  for (let number = 0; number < 5; number++) await scene.add({ studyInstanceUid: '1.9.2' });
  scene.forwarder.start();
  await until('those that may', () => scene.pacs.stored.length === 5);
  expect(scene.pacs.received.length).toBeLessThan(5 + 10);
  ill = false;
  await until('the others', () => scene.settled());
  await allArrived(scene);
});
