/** Section C of the wire hazards: release, abort, close. Each test is named by its row. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { eventually } from '../fixtures/deadline.ts';
import { RawConnection } from '../fixtures/raw-connection.ts';
import {
  abort,
  associateRj,
  associateRq,
  command,
  ctImageStorage,
  element,
  numberIn,
  pData,
  pdu,
  releaseRp,
  releaseRq,
  verification,
} from '../fixtures/raw-pdu.ts';
import { acceptAll, rawScp, success } from '../fixtures/raw-scp.ts';
import { rawConnect, rawEcho, rawStore } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import {
  abortOf,
  allClosed,
  meet,
  noise,
  openScene,
  pdusOf,
  type Scene,
  storeRq,
  studyRootFind,
  tidy,
  usualContexts,
} from './hazards-scene.ts';

const stage = new Stage();
let scene: Scene;
beforeAll(async () => {
  scene = await openScene(stage);
}, 60_000);
afterEach(() => tidy(scene), 15_000);
afterAll(() => stage.clear(), 60_000);

const echoRq = { [element.affectedSopClassUid]: verification, [element.commandField]: 0x0030, [element.messageId]: 1 };
/** A C-STORE-RQ whose data set is to follow on the same context. */
const storeCommand = pData({ contextId: 3, control: 3, fragment: command({ ...storeRq(), [element.dataSetType]: 1 }) });
const findRq = {
  [element.affectedSopClassUid]: studyRootFind,
  [element.commandField]: 0x0020,
  [element.messageId]: 5,
  [element.priority]: 0,
};

describe('C1: an association that ends without a release', () => {
  const store = { contextId: 3, messageId: 1, sopClassUid: ctImageStorage, sopInstanceUid: '1.2.3.4', dataSet: noise(5000) };

  it('by A-ABORT after a good store: the PACS has the instance, and the abort with its source and reason', async () => {
    const { modality, pacs } = await meet(scene);
    const stored = rawStore(modality, store);
    const request = await pacs.connection.message();
    pacs.connection.sendMessage(3, success(request));
    expect([await stored, request.dataSet]).toEqual([0, store.dataSet]);
    modality.send(abort(0, 0));
    expect(await abortOf(pacs.connection)).toEqual([0, 0]);
    await pacs.connection.ended;
    await allClosed(scene);
  });

  it.each([
    ['by a close', (connection: RawConnection) => connection.socket.end()],
    ['by a reset', (connection: RawConnection) => connection.socket.resetAndDestroy()],
  ])('%s after a good store: the PACS has the instance and sees the end', async (_, leave) => {
    const { modality, pacs } = await meet(scene);
    const stored = rawStore(modality, store);
    const request = await pacs.connection.message();
    pacs.connection.sendMessage(3, success(request));
    expect([await stored, request.dataSet]).toEqual([0, store.dataSet]);
    leave(modality);
    await pacs.connection.ended;
    expect(pacs.connection.arrived.filter((bytes) => bytes[0] === 0x05)).toEqual([]);
    await allClosed(scene);
  });

  it.each([
    ['a close', (connection: RawConnection) => connection.socket.end()],
    ['a reset', (connection: RawConnection) => connection.socket.resetAndDestroy()],
    ['an A-ABORT', (connection: RawConnection) => connection.send(abort(0, 0))],
  ])('by %s in the middle of a data set: the PACS never sees its last fragment', async (_, leave) => {
    const { modality, pacs } = await meet(scene);
    modality.send(storeCommand, pData({ contextId: 3, control: 0, fragment: noise(50) }));
    await pdusOf(pacs.connection, 2);
    leave(modality);
    await pacs.connection.ended;
    const data = pacs.connection.arrived.filter((bytes) => bytes[0] === 0x04 && ((bytes[11] ?? 0) & 1) === 0);
    expect(data.map((bytes) => bytes[11])).toEqual([0]);
    expect(pacs.connection.arrived.filter((bytes) => bytes[0] === 0x05)).toEqual([]);
    await allClosed(scene);
  });

  it('by a reset of the PACS right after its A-RELEASE-RP: the modality has its release', async () => {
    const { modality, pacs } = await meet(scene);
    modality.send(releaseRq);
    expect(await pacs.connection.nextPdu()).toEqual(releaseRq);
    pacs.connection.send(releaseRp);
    await pacs.connection.drained();
    pacs.connection.socket.resetAndDestroy();
    expect(await modality.nextPdu()).toEqual(releaseRp);
    await allClosed(scene);
  });

  it('by the death of the PACS: the modality is told by A-ABORT', async () => {
    const { modality, pacs } = await meet(scene);
    modality.sendMessage(1, echoRq);
    await pacs.connection.message();
    pacs.connection.socket.resetAndDestroy();
    expect((await abortOf(modality))[0]).toBe(2);
    await modality.ended;
  });
});

describe('C2: release collisions end in A-RELEASE-RP on both sides (PS3.8 7.2.2.7)', () => {
  it('the modality’s request is under way to the PACS when the PACS’s own comes', async () => {
    const { modality, pacs } = await meet(scene);
    modality.send(releaseRq);
    expect(await pacs.connection.nextPdu()).toEqual(releaseRq);
    // The PACS has asked for release before it read ours: it is the acceptor, so it waits for the requestor's answer (Sta10).
    pacs.connection.send(releaseRq);
    expect(await pacs.connection.nextPdu()).toEqual(releaseRp);
    pacs.connection.send(releaseRp);
    expect(await modality.nextPdu()).toEqual(releaseRp);
  });

  it('the PACS’s request has reached the modality when the modality’s own comes', async () => {
    const { modality, pacs } = await meet(scene);
    pacs.connection.send(releaseRq);
    expect(await modality.nextPdu()).toEqual(releaseRq);
    // The modality has asked too: as the requestor it answers first (Sta9, AR-9).
    modality.send(releaseRq);
    modality.send(releaseRp);
    expect(await pacs.connection.nextPdu()).toEqual(releaseRp);
    expect(await modality.nextPdu()).toEqual(releaseRp);
  });

  it('a release that the PACS asks for, and the modality grants', async () => {
    const { modality, pacs } = await meet(scene);
    pacs.connection.send(releaseRq);
    expect(await modality.nextPdu()).toEqual(releaseRq);
    modality.send(releaseRp);
    expect(await pacs.connection.nextPdu()).toEqual(releaseRp);
  });
});

describe('C3: A-RELEASE-RQ before all is said', () => {
  it('while C-FIND answers are under way: they reach the modality before the A-RELEASE-RP', async () => {
    const { modality, pacs } = await meet(scene);
    modality.sendMessage(5, findRq, noise(20));
    const request = await pacs.connection.message();
    modality.send(releaseRq);
    expect(await pacs.connection.nextPdu()).toEqual(releaseRq);
    for (const status of [0xff00, 0xff00, 0x0000]) {
      pacs.connection.sendMessage(5, { ...success(request), [element.status]: status }, status === 0 ? undefined : noise(30));
    }
    pacs.connection.send(releaseRp);
    const statuses: (number | undefined)[] = [];
    for (let count = 0; count < 3; count += 1) statuses.push(numberIn((await modality.message()).command, element.status));
    expect(statuses).toEqual([0xff00, 0xff00, 0]);
    expect(await modality.nextPdu()).toEqual(releaseRp);
  });

  it.each([
    ['in the middle of a data set', true],
    ['where the data set should be', false],
  ])('%s: both sides are aborted, and no release makes half an instance look whole', async (_, some) => {
    const { modality, pacs } = await meet(scene);
    modality.send(storeCommand, ...(some ? [pData({ contextId: 3, control: 0, fragment: noise(50) })] : []));
    modality.send(releaseRq);
    await abortOf(modality);
    await pacs.connection.ended;
    expect(pacs.connection.arrived.filter((bytes) => bytes[0] === 0x05)).toEqual([]);
    expect(pacs.connection.arrived.at(-1)?.[0]).toBe(0x07);
  });
});

describe('C4: whoever says nothing gives its place back when ARTIM expires', () => {
  it.each([
    ['connects and sends nothing', Buffer.alloc(0)],
    ['sends half a PDU header', Buffer.from('010000', 'hex')],
    ['sends half an A-ASSOCIATE-RQ', associateRq({ contexts: usualContexts }).subarray(0, 100)],
    ['speaks HL7', Buffer.from('\x0bMSH|^~\\&|', 'latin1')],
  ])('a peer that %s (fifty of them)', async (_, bytes) => {
    const connected = scene.pipe.made();
    const connections: RawConnection[] = [];
    for (let index = 0; index < 50; index += 1) {
      const connection = await rawConnect(stage, scene.proxy.port);
      connections.push(connection);
      connection.send(bytes);
    }
    for (const connection of connections) await connection.ended;
    expect(scene.pipe.made()).toBe(connected);
  });

  it('a peer that opens without end is rejected (2, 3, 2), then closed unheard and told of; another has its place', async () => {
    const { proxy } = await openScene(stage, { limits: { maxAssociations: 5 }, timeouts: { artim: '1m' } }, scene.pipe);
    const scp = await rawScp(stage);
    scene.pipe.aim(scp.port);
    const endless = '127.0.0.2';
    const asks = async (from: string) => {
      const connection = await rawConnect(stage, proxy.port, from);
      connection.send(associateRq({ contexts: usualContexts }));
      const answer = await connection.nextPdu();
      if (answer[0] !== 0x02) return { answer, connection };
      scene.ends.push(connection);
      return { answer: 'accepted', connection };
    };
    const answers: (Buffer | string)[] = [];
    for (let index = 0; index < 5; index++) answers.push((await asks(endless)).answer);
    // Four fifths.
    expect(answers).toEqual(['accepted', 'accepted', 'accepted', 'accepted', associateRj(2, 3, 2)]);
    const { answer, connection } = await asks('127.0.0.1');
    expect(answer).toBe('accepted');
    const mute = await Promise.all(Array.from({ length: 20 }, () => rawConnect(stage, proxy.port, endless)));
    let closed = 0;
    for (const { ended } of mute) void ended.then(() => closed++);
    const unheard = () =>
      proxy.logs().filter((line) => line['error.type'] === 'limit_exceeded' && line['dicom.association.outcome'] === 'closed');
    // Twice four may be connected; the one that was rejected has closed, or not yet.
    await eventually('those beyond the limit to be closed', () => closed >= 16 && unheard().length === closed);
    expect(new Set(unheard().map((line) => line['network.peer.address']))).toEqual(new Set([endless]));
    await rawEcho(connection, 1, 1);
    scene.ends.push(...mute);
  });

  it('a modality that never closes after A-RELEASE-RP', async () => {
    const { modality, pacs } = await meet(scene);
    modality.socket.allowHalfOpen = true;
    modality.send(releaseRq);
    expect(await pacs.connection.nextPdu()).toEqual(releaseRq);
    pacs.connection.send(releaseRp);
    expect(await modality.nextPdu()).toEqual(releaseRp);
    // It ends its side, and what is written to it afterwards finds nobody: the place is free.
    await modality.ended;
    await eventually('the connection to be gone', () => {
      if (!modality.socket.destroyed) modality.send(releaseRp);
      return modality.socket.destroyed;
    });
  });

  it('a PACS that never closes after A-ABORT', async () => {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    stage.defer(() => server.close());
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no address');
    scene.pipe.aim(address.port);
    const called = once(server, 'connection') as Promise<[Socket]>;
    const modality = await rawConnect(stage, scene.proxy.port);
    modality.send(associateRq({ contexts: usualContexts }));
    const pacs = new RawConnection((await called)[0]);
    stage.defer(() => pacs.destroy());
    pacs.send(acceptAll(await pacs.nextPdu()));
    await modality.nextPdu();
    modality.send(abort(0, 0));
    expect((await pacs.nextPdu())[0]).toBe(0x07);
    await eventually('the connection to be gone', () => {
      if (!pacs.socket.destroyed) pacs.send(releaseRp);
      return pacs.socket.destroyed;
    });
    await allClosed(scene);
  });

  it('a peer that is told A-ABORT and goes on sending', async () => {
    const { socket } = await rawConnect(stage, scene.proxy.port);
    socket.allowHalfOpen = true;
    socket.write(pdu(0x08, noise(4)));
    await eventually('the connection to be gone', () => {
      if (!socket.destroyed) socket.write(noise(1000));
      return socket.destroyed;
    });
  });
});

it('C5: a second A-ASSOCIATE-RQ on the same connection, after the release, opens no association', async () => {
  const { modality } = await meet(scene, { pacsAnswers: true });
  modality.send(releaseRq);
  expect(await modality.nextPdu()).toEqual(releaseRp);
  const connected = scene.pipe.made();
  modality.send(associateRq({ contexts: usualContexts }));
  await modality.ended;
  expect(modality.arrived.filter((bytes) => bytes[0] === 0x02).length).toBe(1);
  expect(scene.pipe.made()).toBe(connected);
});

it('C5: a second A-ASSOCIATE-RQ inside an association aborts it on both sides', async () => {
  const { modality, pacs } = await meet(scene);
  modality.send(associateRq({ contexts: usualContexts }));
  expect(await abortOf(modality)).toEqual([2, 2]);
  await abortOf(pacs.connection);
});

describe('C6: an A-ABORT is an abort whatever it says', () => {
  it.each([
    ['source and reason that are reserved', pdu(0x07, Buffer.of(9, 9, 9, 9)), [9, 9]],
    ['by the provider, with a reason', abort(2, 6), [2, 6]],
  ])('%s: it reaches the PACS unchanged', async (_, bytes, values) => {
    const { modality, pacs } = await meet(scene);
    modality.send(bytes);
    expect(await abortOf(pacs.connection)).toEqual(values);
    await allClosed(scene);
  });

  it.each([
    ['of two bytes', pdu(0x07, Buffer.alloc(2))],
    ['of none', pdu(0x07)],
    ['of a hundred', pdu(0x07, Buffer.alloc(100))],
  ])('%s: both sides end', async (_, bytes) => {
    const { modality, pacs } = await meet(scene);
    modality.send(bytes);
    await abortOf(pacs.connection);
    await modality.ended;
    await allClosed(scene);
  });

  it('from the PACS, in the middle of a transfer: it reaches the modality unchanged', async () => {
    const { modality, pacs } = await meet(scene);
    modality.sendMessage(3, storeRq(), noise(1000));
    await pacs.connection.message();
    pacs.connection.send(abort(0, 0));
    expect(await abortOf(modality)).toEqual([0, 0]);
    await allClosed(scene);
  });

  it('from the PACS, in answer to the A-ASSOCIATE-RQ: it reaches the modality unchanged', async () => {
    await expect(meet(scene, { scp: { answer: () => abort(2, 1) } })).rejects.toThrow('07000000000400000201');
    await allClosed(scene);
  });
});

it('C7: while the PACS takes its time the association lives on, and the answer comes through', async () => {
  const { modality, pacs } = await meet(scene);
  const echoed = rawEcho(modality, 1, 1);
  const request = await pacs.connection.message();
  // ARTIM is a second here: twice that is slow for this proxy, and no reason to end anything.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  pacs.connection.sendMessage(1, success(request));
  expect(await echoed).toBe(0);
});
