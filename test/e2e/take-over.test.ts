/** The destination fails, before, during and after an association: the modality sees a normal transfer, and every instance is safe. */
import type { InstanceStore } from '@radiotracer/instance';
import type { ErrorType } from '@radiotracer/telemetry';
import { eventually } from '../fixtures/deadline.ts';
import { freePort } from '../fixtures/ports.ts';
import type { RawConnection } from '../fixtures/raw-connection.ts';
import {
  abort,
  associateAc,
  associateRj,
  command,
  ctImageStorage,
  element,
  explicitVrLittleEndian,
  inPData,
  noDataSet,
  numberIn,
  pData,
  releaseRq,
} from '../fixtures/raw-pdu.ts';
import { rawScp, success } from '../fixtures/raw-scp.ts';
import { rawAssociate } from '../fixtures/raw-scu.ts';
import {
  allSuccess,
  answer,
  atThird,
  contexts,
  dataSetOf,
  expectAllSafe,
  expectTold,
  type Fault,
  pacs,
  type Site,
  send,
  silentPort,
  site,
  stage,
  storeRq,
  study,
  watchedWaits,
  withStatus,
} from './take-over-scene.ts';

afterAll(() => stage.clear(), 60_000);

test('a destination that leads back to the proxy: known at the first turn, and what comes is kept until that is put right', async () => {
  const port = await freePort();
  const { proxy, told, spooled } = await site(port, { port });
  expect(await send(proxy)).toEqual(allSuccess);
  const opened = told.flatMap((event) => (event.type === 'association.opened' ? [event.role] : []));
  expect(opened.sort()).toEqual(['client', 'server', 'server']);
  const ended = told.flatMap((event) => (event.type === 'association.ended' && event.outcome === 'rejected' ? [event.errorType] : []));
  expect(ended.sort()).toEqual(['loop', 'rejected']);
  expect([...(await spooled()).keys()].sort()).toEqual(study.map(({ sopInstanceUid }) => sopInstanceUid).sort());
});

test.each<[string, ErrorType, Fault]>([
  ['aborts at an instance', 'aborted', (_message, { connection }) => connection.send(Buffer.from([7, 0, 0, 0, 0, 4, 0, 0, 2, 0]))],
  ['closes the connection at an instance', 'connection_closed', (_message, { connection }) => connection.socket.end()],
  ['resets the connection at an instance', 'connection_reset', (_message, { connection }) => connection.socket.resetAndDestroy()],
  ['is out of resources (A700)', 'status_failure', withStatus(0xa700)],
  ['does not support the SOP class just now (0122)', 'status_failure', withStatus(0x0122)],
  [
    'is out of resources (A7FF), and says more in a data set',
    'status_failure',
    (message, { connection }) =>
      connection.sendMessage(message.contextId, { ...success(message), [element.status]: 0xa7ff }, Buffer.alloc(8)),
  ],
  ['never answers an instance', 'dimse_timeout', () => {}],
  ['sends what is no DICOM', 'protocol_error', (_message, { connection }) => connection.send(Buffer.from('500 Internal Server Error'))],
])(
  'a destination that %s is taken over in the same association',
  async (_what, errorType, fault) => {
    const { port, stored, associations } = await pacs(atThird(fault));
    const here = await site(port, { timeouts: { storeResponseMs: 700 } });
    expect(await send(here.proxy)).toEqual(allSuccess);
    await expectAllSafe(here, stored);
    await eventually('nothing to be open at the destination', () => associations.every(({ over }) => over !== undefined));
    // Of any other it may have been the modality's doing.
    expect(here.fared.filter((failure) => failure !== undefined)).toEqual(errorType === 'dimse_timeout' ? [errorType] : []);
    expectTold(here, { when: 'within', errorType, storesInFlight: 1 });
    const inFlight = here.told.filter((event) => event.type === 'operation.ended' && event.relayAttempt !== undefined);
    // One that was answered is not there; of any other nobody knows.
    const isAnswered = errorType === 'status_failure';
    const status = isAnswered ? expect.any(Number) : undefined;
    expect(inFlight).toMatchObject([
      { disposition: 'spooled', relayAttempt: { errorType, requestOutAt: expect.any(Number), status, possibleDuplicate: !isAnswered } },
    ]);
    // The modality's association goes on and is released; the destination's has ended then, as what it was.
    const roles = new Map(here.told.flatMap((event) => (event.type === 'association.opened' ? [[event.associationId, event.role]] : [])));
    const ends = here.told.flatMap((event) => (event.type === 'association.ended' ? [event] : []));
    expect(ends.map(({ associationId, errorType: endedBy }) => [roles.get(associationId), endedBy])).toEqual([
      ['client', errorType],
      ['server', undefined],
    ]);
  },
  30_000,
);

test.each([
  ['its association', { retainBytes: 0 }],
  ['the process', { processRetainBytes: 0 }],
])(
  'what is in flight is in an unsynced file, and taken over from there, where no memory of %s is to be used for it',
  async (_whose, options) => {
    let files: string[] = [];
    const fault: Fault = (_message, { connection }) => {
      void here.parts().then((names) => {
        files = names;
        connection.socket.resetAndDestroy();
      });
    };
    const { port, stored } = await pacs(atThird(fault));
    const here = await site(port, options);
    expect(await send(here.proxy)).toEqual(allSuccess);
    // The one before may be let go of still.
    expect(files).not.toEqual([]);
    await expectAllSafe(here, stored);
  },
  30_000,
);

test('while the disk is slow, what a modality sends in the place of its destination is not read: in memory is a chunk of it, and some of its requests', async () => {
  const most = { unwrittenBytes: 0, uncommitted: 0 };
  let [unwrittenBytes, uncommitted] = [0, 0];
  const small = Array.from({ length: 200 }, (_, nth) => [`2.25.${nth + 1}`, Buffer.alloc(20 * 1024)] as const);
  const large = ['2.25.1000', Buffer.alloc(4 * 1024 * 1024)] as const;
  const slowDisk = () => new Promise<void>((resolve) => setTimeout(resolve, 20));
  const slow = (store: InstanceStore): InstanceStore => ({
    accepting: true,
    begin: (start, provisionally) => {
      const intake = store.begin(start, provisionally);
      let drained = Promise.resolve();
      return {
        write: (bytes) => {
          const hasRoom = intake.write(bytes);
          if (start.sopInstanceUid !== large[0]) return hasRoom;
          if (unwrittenBytes === 0) {
            drained = slowDisk().then(() => {
              unwrittenBytes = 0;
            });
          }
          unwrittenBytes += bytes.length;
          most.unwrittenBytes = Math.max(most.unwrittenBytes, unwrittenBytes);
          return false;
        },
        get drained() {
          return drained;
        },
        commit: async (late) => {
          most.uncommitted = Math.max(most.uncommitted, ++uncommitted);
          await slowDisk();
          await intake.commit(late);
          uncommitted--;
        },
        discard: () => intake.discard(),
      };
    },
  });
  const here = await site(await freePort(), { storeAs: slow });
  const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
  const all = [...small, large];
  for (const [nth, [sopInstanceUid, dataSet]] of all.entries()) connection.sendMessage(3, storeRq(sopInstanceUid, nth + 1), dataSet);
  for (const _ of all) expect(numberIn((await connection.message()).command, element.status)).toBe(0);
  await connection.release();
  expect((await here.spooled()).size).toBe(all.length);
  // What was read already still comes.
  expect(most.unwrittenBytes).toBeLessThan(1024 * 1024);
  expect(most.uncommitted).toBeLessThan(100);
}, 30_000);

test.each([
  ['refuses the connection', 'connection_refused', freePort],
  ['rejects for now', 'rejected', async () => (await rawScp(stage, { answer: () => associateRj(2, 3, 1) })).port],
  ['closes without an answer', 'connection_closed', async () => (await rawScp(stage, { answer: () => Buffer.alloc(0) })).port],
  ['does not answer the A-ASSOCIATE-RQ', 'associate_timeout', silentPort],
] as const)(
  'a destination that %s is taken over from the start',
  async (_what, errorType, port) => {
    const here = await site(await port(), { timeouts: { associateMs: 500 } });
    expect(await send(here.proxy)).toEqual(allSuccess);
    await expectAllSafe(here, new Map());
    expectTold(here, { when: 'before', errorType, storesInFlight: 0 });
  },
  30_000,
);

test.each([
  { associateMs: 0, storeResponseMs: 500 },
  { associateMs: 500, storeResponseMs: 0 },
])(
  'a modality waits for a destination that does not answer the A-ASSOCIATE-RQ until the shorter limit is over: %o',
  async (timeouts) => {
    const here = await site(await silentPort(), { timeouts });
    expect(await send(here.proxy)).toEqual(allSuccess);
    expectTold(here, { when: 'before', errorType: 'associate_timeout' });
    expect(here.fared).toEqual(['associate_timeout']);
  },
  30_000,
);

test('in its place that is accepted which it accepted itself, and nothing that it refused', async () => {
  const jpegLossless = '1.2.840.10008.1.2.4.70';
  const asked = [
    { id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [jpegLossless] },
    { id: 3, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] },
  ];
  const answers = [
    { id: 1, result: 4, transferSyntax: '' },
    { id: 3, result: 0, transferSyntax: explicitVrLittleEndian },
  ];
  let isUp = true;
  const { port } = await rawScp(stage, {
    answer: (request) => (isUp ? associateAc(request, { contexts: answers }) : associateRj(2, 3, 1)),
  });
  const here = await site(port);
  const results: unknown[] = [];
  for (const up of [true, false]) {
    isUp = up;
    const { connection, contexts: answered } = await rawAssociate(stage, here.proxy.port, { contexts: asked });
    results.push(answered.map(({ id, result }) => [id, result === 0]));
    await connection.release();
  }
  expect(results[0]).toEqual([
    [1, false],
    [3, true],
  ]);
  expect(results[1]).toEqual(results[0]);
  const accepted = here.told.filter((event) => event.type === 'association.accepted');
  expect(accepted.map(({ acceptedContexts }) => acceptedContexts)).toEqual([1, 1, 1]);
  expect(here.told.filter(({ type }) => type === 'association.taken_over')).toHaveLength(1);
}, 30_000);

test('a destination that is known to be down is not asked, and each association gives its place back', async () => {
  const { port, associations } = await pacs(answer);
  const here = await site(port, { isDown: true, maxAssociations: 2 });
  for (let nth = 0; nth < 6; nth++) {
    const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
    await connection.release();
  }
  expect(associations).toEqual([]);
  const takenOver = here.told.filter(({ type }) => type === 'association.taken_over');
  expect(takenOver).toMatchObject(Array(6).fill({ when: 'before', errorType: 'circuit_open' }));
}, 30_000);

test.each(['spool', 'refuse'] as const)(
  'a destination that takes what it is sent is known to be there, and is waited for as long as the association lasts (onFailure: %s)',
  async (onFailure) => {
    const { waits, ...watched } = watchedWaits();
    const mostWaits: number[] = [];
    const { port } = await pacs((...given) => {
      mostWaits.push(waits.size);
      answer(...given);
    });
    const here = await site(port, { onFailure, ...watched });
    expect(await send(here.proxy)).toEqual(allSuccess);
    expect(new Set(here.fared)).toEqual(new Set([undefined]));
    expect([new Set(mostWaits), waits.size]).toEqual([new Set([1]), 0]);
  },
  30_000,
);

test('a destination that dies in the middle of an instance: the rest of its bytes goes on into the spool', async () => {
  let bytes = 0;
  const scp = await rawScp(stage, {
    script: ({ connection }) => {
      connection.socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > 100_000) connection.socket.resetAndDestroy();
      });
    },
  });
  const here = await site(scp.port);
  expect(await send(here.proxy)).toEqual(allSuccess);
  await expectAllSafe(here, new Map());
}, 30_000);

test('an answer with nonsense behind it, in one segment: the answer counts, and the association is taken over', async () => {
  const { port } = await pacs((message, { connection }) =>
    connection.send(
      Buffer.concat([
        ...inPData(message.contextId, command({ ...success(message), [element.dataSetType]: noDataSet }), true, 0),
        Buffer.from('HTTP/1.1'),
      ]),
    ),
  );
  const here = await site(port);
  expect(await send(here.proxy)).toEqual(allSuccess);
  expectTold(here, { when: 'within', errorType: 'protocol_error', storesInFlight: 0 });
  expect(new Set((await here.spooled()).keys())).toEqual(new Set(study.slice(1).map(({ sopInstanceUid }) => sopInstanceUid)));
}, 30_000);

test.each([
  ['dimse_timeout', { storeResponseMs: 700 }],
  ['idle_timeout', { storeResponseMs: 0, idleMs: 1500 }],
])(
  'a destination that takes nothing more in the middle of an instance (%s): the modality, which was held up with it, goes on',
  async (errorType, timeouts) => {
    const dataSet = Buffer.alloc(64 * 1024 * 1024, 'radiotracer');
    const store = { ...storeRq('2.25.7'), [element.dataSetType]: 1 };
    // Before it is waited for: it takes this process a while.
    const message = [...inPData(3, command(store), true, 0), ...inPData(3, dataSet, false, 16_384)];
    const scp = await rawScp(stage, { script: ({ connection }) => void connection.socket.pause() });
    const here = await site(scp.port, { timeouts });
    const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
    connection.send(...message);
    expect(numberIn((await connection.message()).command, element.status)).toBe(0);
    expect(here.told.filter(({ type }) => type === 'association.taken_over')).toMatchObject([{ errorType }]);
    expect((await here.spooled()).get('2.25.7')?.equals(dataSet)).toBe(true);
    await connection.release();
  },
  30_000,
);

test.each([0, 4 * 1024 * 1024])(
  'one that dies between two bytes of an instance: what the modality sends then goes on behind what it sent (%i bytes of memory)',
  async (retainBytes) => {
    const [instance] = study;
    if (instance === undefined) throw new Error('no instance');
    const dataSet = dataSetOf(instance);
    const half = dataSet.length >> 1;
    let received = 0;
    const scp = await rawScp(stage, {
      script: ({ connection }) => {
        connection.socket.on('data', (chunk: Buffer) => {
          received += chunk.length;
          if (received > half) connection.socket.resetAndDestroy();
        });
      },
    });
    const here = await site(scp.port, { retainBytes });
    const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
    expect(here.relayed()).toBe(1);
    const store = { ...storeRq(instance.sopInstanceUid), [element.dataSetType]: 1 };
    for (const bytes of inPData(3, command(store), true, 0)) connection.send(bytes);
    connection.send(pData({ contextId: 3, control: 0, fragment: dataSet.subarray(0, half) }));
    await eventually('the take-over', () => here.told.some(({ type }) => type === 'association.taken_over'));
    expect(here.relayed()).toBe(0);
    connection.send(pData({ contextId: 3, control: 2, fragment: dataSet.subarray(half) }));
    expect(numberIn((await connection.message()).command, element.status)).toBe(0);
    const spooled = await here.spooled();
    expect([...spooled.keys()]).toEqual([instance.sopInstanceUid]);
    expect(spooled.get(instance.sopInstanceUid)?.equals(dataSet)).toBe(true);
    await connection.release();
  },
  30_000,
);

test.each<[string, ErrorType, (here: Site, connection: RawConnection) => unknown]>([
  ['the process goes', 'shutdown', (here) => here.abort()],
  ['the modality aborts', 'aborted', (_here, connection) => connection.send(abort(0, 0))],
  ['the modality closes the connection', 'connection_closed', (_here, connection) => connection.socket.end()],
  ['the modality asks for release', 'protocol_error', (_here, connection) => connection.send(releaseRq)],
])(
  '%s while an instance comes that only we take: it is told as one that did not come, and no part of it stays',
  async (_what, errorType, end) => {
    const here = await site(await freePort());
    const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
    const store = { ...storeRq('1.2.3.4'), [element.dataSetType]: 1 };
    for (const bytes of inPData(3, command(store), true, 0)) connection.send(bytes);
    connection.send(pData({ contextId: 3, control: 0, fragment: Buffer.alloc(1000) }));
    await eventually('a part in the spool', async () => (await here.parts()).length === 1);
    await end(here, connection);
    await eventually('nothing of it to be left', async () => (await here.parts()).length === 0);
    const ended = here.told.filter((event) => event.type === 'operation.ended');
    expect(ended).toMatchObject([{ sopInstanceUid: '1.2.3.4', dataSetBytes: 1000, errorType, disposition: 'refused' }]);
  },
  30_000,
);
