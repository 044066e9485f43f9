/** The destination fails where nobody else can answer for it: what passes to the modality as it came, and what it is told. */
import { eventually } from '../fixtures/deadline.ts';
import { freePort } from '../fixtures/ports.ts';
import type { RawConnection } from '../fixtures/raw-connection.ts';
import {
  associateRj,
  associateRq,
  command,
  ctImageStorage,
  element,
  explicitVrLittleEndian,
  inPData,
  noDataSet,
  numberIn,
  pData,
  releaseRq,
  verification,
} from '../fixtures/raw-pdu.ts';
import { rawScp, success } from '../fixtures/raw-scp.ts';
import { rawAssociate, rawConnect, rawEcho, rawStore } from '../fixtures/raw-scu.ts';
import {
  allSuccess,
  answer,
  atThird,
  contexts,
  dataSetOf,
  pacs,
  type SiteOptions,
  send,
  site,
  stage,
  storeRq,
  study,
  watchedWaits,
  withStatus,
} from './take-over-scene.ts';

afterAll(() => stage.clear(), 60_000);

test('what the modality answers to a destination that is gone is for nobody, is not waited for, and the association goes on', async () => {
  const { waits, ...watched } = watchedWaits();
  const report = { [element.commandField]: 0x0100, [element.messageId]: 1 };
  const { port } = await pacs((_message, { connection }) => {
    connection.sendMessage(1, report, Buffer.alloc(8));
    connection.socket.end();
  });
  const here = await site(port, watched);
  const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
  const [one, other] = study.map((instance) => ({
    contextId: 3,
    messageId: 1,
    ...instance,
    dataSet: dataSetOf(instance),
  }));
  if (one === undefined || other === undefined) throw new Error('two instances are generated');
  expect(waits.size).toBe(1);
  await expect(rawStore(connection, one)).rejects.toThrow('a response to another message');
  expect(numberIn((await connection.message()).command, element.status)).toBe(0);
  expect(waits.size).toBe(0);
  connection.sendMessage(1, { [element.commandField]: 0x8100, [element.messageIdBeingRespondedTo]: 1 }, Buffer.alloc(8));
  expect(await rawStore(connection, other)).toBe(0);
  await connection.release();
  expect((await here.spooled()).size).toBe(2);
}, 30_000);

test('a modality that no answer can be sent to is not accepted in the place of a destination that rejects it', async () => {
  const { port } = await rawScp(stage, { answer: () => associateRj(2, 3, 1) });
  const here = await site(port);
  const connection = await rawConnect(stage, here.proxy.port);
  connection.send(associateRq({ contexts, maxPduBytes: 4 }));
  expect((await connection.nextPdu()).subarray(7)).toEqual(Buffer.of(2, 3, 1));
}, 30_000);

test('to such a modality the destination’s own answer passes, also when it says out of resources', async () => {
  // As a whole, whatever the modality says that it takes.
  const { port } = await pacs((message, { connection }) => {
    const busy = command({ ...success(message), [element.status]: 0xa700, [element.dataSetType]: noDataSet });
    for (const bytes of inPData(message.contextId, busy, true, 0)) connection.send(bytes);
  });
  const here = await site(port);
  const { connection } = await rawAssociate(stage, here.proxy.port, { contexts, maxPduBytes: 4 });
  const [instance] = study;
  if (instance === undefined) throw new Error('no instance');
  const store = { contextId: 3, messageId: 1, sopClassUid: ctImageStorage, sopInstanceUid: instance.sopInstanceUid };
  expect(await rawStore(connection, { ...store, dataSet: dataSetOf(instance) })).toBe(0xa700);
  expect(await here.spooled()).toEqual(new Map());
}, 30_000);

test('what is refused for good passes to the modality and is not kept: status, rejection', async () => {
  const { port } = await pacs(withStatus(0xa900));
  const refusing = await site(port);
  expect((await send(refusing.proxy)).slice(0, -1)).toEqual(study.map(() => 0xa900));
  expect(await refusing.spooled()).toEqual(new Map());

  const rejecting = await site((await rawScp(stage, { answer: () => associateRj(1, 1, 7) })).port);
  await expect(send(rejecting.proxy)).rejects.toThrow('A-ASSOCIATE-AC expected, came 03');
  expect(await rejecting.spooled()).toEqual(new Map());
}, 30_000);

test('out of resources, while nothing can be kept either: the destination’s own answer passes, and the association goes on', async () => {
  const { port, stored } = await pacs(atThird(withStatus(0xa700)));
  const here = await site(port, { isFull: () => stored.size >= 3 });
  expect(await send(here.proxy)).toEqual(allSuccess.map((status, nth) => (nth === 3 ? 0xa700 : status)));
  expect(await here.spooled()).toEqual(new Map());
}, 30_000);

test.each([
  ['while nothing can be kept either', { isFull: true, asksForRelease: false }],
  ['when it has asked for release, behind which no answer may come', { isFull: false, asksForRelease: true }],
])(
  'a destination that dies with an instance %s: the modality is told, and nothing is taken over',
  async (_when, { isFull, asksForRelease }) => {
    const isReleasing = Promise.withResolvers<void>();
    if (!asksForRelease) isReleasing.resolve();
    const scp = await rawScp(stage, {
      script: async ({ connection }) => {
        await connection.message();
        if (asksForRelease) connection.send(releaseRq);
        await isReleasing.promise;
        connection.socket.resetAndDestroy();
      },
    });
    const here = await site(scp.port, { isFull: () => isFull });
    const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
    const [instance] = study;
    if (instance === undefined) throw new Error('an instance is generated');
    connection.sendMessage(3, storeRq(instance.sopInstanceUid), dataSetOf(instance));
    if (asksForRelease) expect((await connection.nextPdu())[0]).toBe(0x05);
    isReleasing.resolve();
    expect((await connection.nextPdu())[0]).toBe(0x07);
    expect(here.told.filter(({ type }) => type === 'association.taken_over')).toEqual([]);
    expect(await here.spooled()).toEqual(new Map());
  },
  30_000,
);

const patientRootFind = '1.2.840.10008.5.1.4.1.2.1.1';

test.each<[string, SiteOptions, string]>([
  ['when nothing can be kept either', { isFull: () => true }, ctImageStorage],
  ['where its route keeps nothing', { onFailure: 'refuse' }, ctImageStorage],
  ['where nothing is asked for that can be kept', {}, patientRootFind],
])(
  'of a destination that cannot be reached the modality hears at once, %s',
  async (_when, options, abstractSyntax) => {
    const here = await site(await freePort(), options);
    const connection = await rawConnect(stage, here.proxy.port);
    connection.send(associateRq({ contexts: [{ id: 1, abstractSyntax, transferSyntaxes: [explicitVrLittleEndian] }] }));
    const answer = await connection.nextPdu();
    expect([answer[0], answer[7]]).toEqual([0x03, 2]);
    expect(here.told.filter(({ type }) => type === 'association.taken_over')).toEqual([]);
    expect(here.told.filter(({ type }) => type === 'association.ended')).toMatchObject([
      { errorType: 'connection_refused' },
      { outcome: 'rejected', errorType: 'connection_refused' },
    ]);
  },
  30_000,
);

test('a destination that dies inside the data set of its answer: nobody else can finish it, and the modality is told', async () => {
  const { port } = await pacs((message, { connection }) => {
    connection.sendMessageHead(message.contextId, { ...success(message), [element.dataSetType]: 1 });
    connection.send(pData({ contextId: message.contextId, control: 0, fragment: Buffer.alloc(8) }));
    connection.socket.end();
  });
  const here = await site(port);
  const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
  connection.sendMessage(1, { [element.commandField]: 0x0030, [element.messageId]: 1, [element.affectedSopClassUid]: verification });
  const types: unknown[] = [];
  for (let nth = 0; nth < 3; nth++) types.push((await connection.nextPdu())[0]);
  expect(types).toEqual([0x04, 0x04, 0x07]);
}, 30_000);

test.each([
  ['a C-FIND', 0x0020, 0xa700],
  ['a C-MOVE', 0x0021, 0xa702],
  ['a C-GET', 0x0010, 0xa702],
  ['an N-CREATE', 0x0140, 0x0213],
])(
  '%s during an outage gets an honest refusal, "not now", and the association goes on',
  async (_what, commandField, status) => {
    const here = await site(await freePort());
    const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
    const request = { [element.affectedSopClassUid]: ctImageStorage, [element.commandField]: commandField, [element.messageId]: 1 };
    connection.sendMessage(3, { ...request, [element.priority]: 0 }, Buffer.alloc(8));
    expect(numberIn((await connection.message()).command, element.status)).toBe(status);
    expect(await rawEcho(connection, 1, 2)).toBe(0);
    await connection.release();
  },
  30_000,
);

test.each<[string, (connection: RawConnection) => void]>([
  ['between two instances', () => {}],
  [
    'inside an instance',
    (connection) => {
      connection.sendMessageHead(3, { ...storeRq('2.25.7'), [element.dataSetType]: 1 });
      connection.send(pData({ contextId: 3, control: 0, fragment: Buffer.alloc(1000) }));
    },
  ],
])(
  'a modality that says nothing more %s: the association ends, and its destination has not failed',
  async (_where, say) => {
    const { port } = await pacs(answer);
    const here = await site(port, { timeouts: { idleMs: 300 } });
    const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
    say(connection);
    expect((await connection.nextPdu())[0]).toBe(0x07);
    expect(here.told.filter(({ type }) => type === 'association.taken_over')).toEqual([]);
    const ended = here.told.filter((event) => event.type === 'association.ended');
    expect(ended.map(({ outcome, errorType }) => [outcome, errorType])).toEqual(ended.map(() => ['timed_out', 'idle_timeout']));
    expect(await here.spooled()).toEqual(new Map());
  },
  30_000,
);

test('a modality that owes its destination an answer for too long: the association ends on both sides, and its destination has not failed', async () => {
  const { port, associations } = await pacs((message, association) => {
    association.connection.sendMessage(1, { [element.commandField]: 0x0100, [element.messageId]: 1 }, Buffer.alloc(8));
    answer(message, association, 0);
  });
  const here = await site(port, { timeouts: { dimseResponseMs: 300 } });
  const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
  connection.sendMessage(1, { [element.commandField]: 0x0030, [element.messageId]: 1, [element.affectedSopClassUid]: verification });
  await connection.message();
  await connection.message();
  expect((await connection.nextPdu())[0]).toBe(0x07);
  await eventually('the destination to be told', () => associations[0]?.over === 'A-ABORT');
  expect(here.told.filter(({ type }) => type === 'association.taken_over')).toEqual([]);
  expect(new Set(here.fared)).toEqual(new Set([undefined]));
}, 30_000);

test('a destination that is silent for so long while an answer is waited for has failed: the query is refused', async () => {
  const { port } = await pacs(() => {});
  const here = await site(port, { timeouts: { idleMs: 300 } });
  const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
  const find = { [element.affectedSopClassUid]: ctImageStorage, [element.commandField]: 0x0020, [element.messageId]: 1 };
  connection.sendMessage(3, { ...find, [element.priority]: 0 }, Buffer.alloc(8));
  expect(numberIn((await connection.message()).command, element.status)).toBe(0xa700);
  expect(here.told.filter(({ type }) => type === 'association.taken_over')).toMatchObject([{ errorType: 'idle_timeout' }]);
}, 30_000);
