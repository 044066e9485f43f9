import { once } from 'node:events';
import type { Socket } from 'node:net';
import { CommandField, type CommandSet, commandSet, encodeCommandSet, PdvControl, pdataHeader, Status } from '@radiotracer/wire';
import fc from 'fast-check';
import { Acceptor, type AcceptorOptions, type AcceptorUser } from './acceptor.ts';
import { associateRequest } from './associate-request.ts';
import { acceptContexts } from './associate-response.ts';
import { AssociationError } from './association-error.ts';
import { systemClock } from './clock.ts';
import { abortPdu, releaseRqPdu } from './fixed-pdus.ts';
import type { DataSetSink, ReceivedMessage } from './performer.ts';
import { Requestor, type RequestorOptions } from './requestor.ts';
import { responseTo } from './response-to.ts';
import { loopback } from './testing/loopback.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { plainTransport } from './transport.ts';

const ctImageStorage = '1.2.840.10008.5.1.4.1.1.2';
const explicitVrLittleEndian = '1.2.840.10008.1.2.1';
const contexts = [
  { id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: ['1.2.840.10008.1.2', explicitVrLittleEndian] },
  { id: 3, abstractSyntax: '1.2.3.4', transferSyntaxes: [explicitVrLittleEndian] },
  { id: 5, abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: [explicitVrLittleEndian] },
];
const timeouts = { artimMs: 1000, connectMs: 0, associateMs: 0, releaseMs: 0, idleMs: 0, dimseMs: 0 };
const openSockets: Socket[] = [];

afterEach(() => {
  for (const socket of openSockets.splice(0)) socket.destroy();
});

function storeRq(messageId: number): CommandSet {
  return commandSet({
    commandField: CommandField.cStoreRq,
    messageId,
    priority: 0,
    affectedSopClassUid: ctImageStorage,
    affectedSopInstanceUid: `1.2.3.${messageId}`,
    hasDataSet: true,
  });
}

interface Stored {
  readonly message: ReceivedMessage;
  readonly pieces: Buffer[];
  outcome: 'open' | 'whole' | AssociationError;
}

interface Scene {
  readonly acceptor: Acceptor;
  readonly stored: Stored[];
  readonly ended: Promise<AssociationError | undefined>;
  readonly closed: Promise<void>;
  /** Of the other end. */
  readonly socket: Socket;
}

/** An acceptor that stores in memory; `onPiece` and `message` may do otherwise. */
async function storing(
  options: Partial<AcceptorOptions> = {},
  user: Partial<AcceptorUser> & { onPiece?(acceptor: Acceptor): void; answerEarly?: boolean } = {},
): Promise<Scene> {
  const [requestorSocket, acceptorSocket] = await loopback();
  openSockets.push(requestorSocket, acceptorSocket);
  const stored: Stored[] = [];
  const ended = Promise.withResolvers<AssociationError | undefined>();
  const closed = Promise.withResolvers<void>();
  const acceptor: Acceptor = new Acceptor(
    {
      transport: plainTransport(acceptorSocket),
      peer: 'modality',
      negotiate: (rq) => ({
        contexts: acceptContexts(rq, (abstractSyntax, offered) => (abstractSyntax === '1.2.3.4' ? undefined : offered.at(-1))),
      }),
      maxPduBytes: 0,
      timeouts,
      limits: { maxCommandBytes: 64 * 1024, maxOpenRequests: 1 },
      clock: systemClock,
      ...options,
    },
    {
      message: (message): DataSetSink => {
        const store: Stored = { message, pieces: [], outcome: 'open' };
        stored.push(store);
        if (user.answerEarly) message.respond(responseTo(message.command, Status.success));
        return {
          piece: (buffer, start, end) => {
            store.pieces.push(Buffer.from(buffer.subarray(start, end)));
            user.onPiece?.(acceptor);
          },
          flush() {},
          end: () => {
            store.outcome = 'whole';
            message.respond(responseTo(message.command, Status.success));
          },
          lost: (error) => {
            store.outcome = error;
          },
        };
      },
      ended: (error) => ended.resolve(error),
      closed: () => closed.resolve(),
      ...user,
    },
  );
  return { acceptor, stored, ended: ended.promise, closed: closed.promise, socket: requestorSocket };
}

function open(socket: Socket, options: Partial<RequestorOptions> = {}): Promise<Requestor> {
  return Requestor.open({
    transport: plainTransport(socket),
    peer: 'pacs',
    calledAeTitle: 'PACS',
    callingAeTitle: 'MODALITY',
    contexts,
    timeouts,
    limits: { maxCommandBytes: 64 * 1024 },
    clock: systemClock,
    ...options,
  });
}

/** Resolves when `holds` does; fails the test otherwise by its own limit. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** Resolves when the number has not changed for many turns of the event loop. */
async function steady(read: () => number): Promise<number> {
  for (let seen = read(), turns = 0; ; turns++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (read() !== seen) [seen, turns] = [read(), 0];
    else if (turns > 100) return seen;
  }
}

test('whatever is stored in whatever pieces arrives as it was, answered each, and is released', async () => {
  const dataSet = fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 8 });
  const maxPduBytes = fc.oneof(fc.constant(0), fc.integer({ min: 8, max: 20_000 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(dataSet, { maxLength: 4 }),
      maxPduBytes,
      maxPduBytes,
      fc.boolean(),
      async (dataSets, theirMax, ourMax, answerEarly) => {
        const within = { maxCommandBytes: 64 * 1024, maxOpenRequests: 1, ...(ourMax === 0 ? {} : { maxPdataPduBytes: ourMax }) };
        const scene = await storing({ maxPduBytes: ourMax, limits: within }, { answerEarly });
        const requestor = await open(scene.socket, {
          maxPduBytes: theirMax,
          limits: { maxCommandBytes: 64 * 1024, ...(theirMax === 0 ? {} : { maxPdataPduBytes: theirMax }) },
        });
        expect([...requestor.agreed]).toEqual([
          [1, explicitVrLittleEndian],
          [5, explicitVrLittleEndian],
        ]);
        for (const [index, pieces] of dataSets.entries()) {
          const response = await requestor.invoke(1, storeRq(index + 1), pieces);
          expect(response).toMatchObject({
            commandField: CommandField.cStoreRsp,
            messageIdBeingRespondedTo: index + 1,
            affectedSopClassUid: ctImageStorage,
            affectedSopInstanceUid: `1.2.3.${index + 1}`,
            status: Status.success,
            hasDataSet: false,
          });
        }
        const echoRq = commandSet({ commandField: CommandField.cEchoRq, messageId: 99, affectedSopClassUid: '1.2.840.10008.1.1' });
        expect((await requestor.invoke(5, echoRq)).status).toBe(Status.success);
        await requestor.release();
        expect(await scene.ended).toBeUndefined();
        await scene.closed;
        expect(scene.stored.map(({ outcome }) => outcome)).toEqual(dataSets.map(() => 'whole'));
        scene.stored.forEach(({ message, pieces }, index) => {
          expect(message).toMatchObject({ contextId: 1, transferSyntax: explicitVrLittleEndian });
          expect(message.command.elements).toEqual(storeRq(index + 1).elements);
          expect(Buffer.concat(pieces).equals(Buffer.concat(dataSets[index] ?? []))).toBe(true);
        });
      },
    ),
    { numRuns: 200 },
  );
});

test('a reader that stalls stops the sender at a bounded memory; what was sent is whole when it reads on', async () => {
  const pieceBytes = 256 * 1024;
  const pieces = 256;
  let taken = 0;
  const scene = await storing({}, { onPiece: (acceptor) => acceptor.pause() });
  const requestor = await open(scene.socket);
  const source = function* () {
    const piece = new Uint8Array(pieceBytes);
    for (; taken < pieces; taken++) yield piece;
  };
  const answered = requestor.invoke(1, storeRq(1), source());
  const takenAtStall = await steady(() => taken);
  expect(takenAtStall).toBeLessThan(pieces);
  // What is buffered, and one P-DATA-TF with its header.
  expect(requestor.bufferedBytes).toBeLessThanOrEqual(128 * 1024 + 64 * 1024 + 12);
  const resuming = setInterval(() => scene.acceptor.resume(), 1);
  expect((await answered).status).toBe(Status.success);
  clearInterval(resuming);
  expect(scene.stored[0]?.pieces.reduce((sum, { length }) => sum + length, 0)).toBe(pieces * pieceBytes);
});

test('a reader that stalled and took all of it again is waited for no more while the data set itself takes its time', async () => {
  const clock = new ManualClock();
  const scene = await storing({}, { onPiece: (acceptor) => acceptor.pause() });
  const requestor = await open(scene.socket, { clock, timeouts: { ...timeouts, dimseMs: 30_000 } });
  const gate = Promise.withResolvers<void>();
  let taken = 0;
  const source = async function* () {
    for (; taken < 256; taken++) yield new Uint8Array(256 * 1024);
    await gate.promise;
    yield new Uint8Array(10);
  };
  const answered = requestor.invoke(1, storeRq(1), source());
  expect(await steady(() => taken)).toBeLessThan(256);
  const resuming = setInterval(() => scene.acceptor.resume(), 1);
  await until(() => taken === 256 && requestor.bufferedBytes === 0);
  clock.advance(60_000);
  gate.resolve();
  expect((await answered).status).toBe(Status.success);
  clearInterval(resuming);
});

test('an answer that comes early: the next request waits until the data set has gone out, and each arrives as it was', async () => {
  const scene = await storing({}, { answerEarly: true });
  const requestor = await open(scene.socket);
  for (let messageId = 1; messageId <= 3; messageId++) {
    const source = async function* () {
      yield Buffer.alloc(100_000, messageId);
      await until(() => (scene.stored[messageId - 1]?.pieces.length ?? 0) > 0);
      await steady(() => scene.acceptor.bytesReceived);
      yield Buffer.alloc(100_000, messageId);
    };
    expect((await requestor.invoke(1, storeRq(messageId), source())).status).toBe(Status.success);
  }
  await requestor.release();
  expect(scene.stored.map(({ outcome }) => outcome)).toEqual(['whole', 'whole', 'whole']);
  for (const [index, { pieces }] of scene.stored.entries()) expect(Buffer.concat(pieces)).toEqual(Buffer.alloc(200_000, index + 1));
});

test('a reader that stalls longer than the DIMSE time-out is given up', async () => {
  const clock = new ManualClock();
  const scene = await storing({}, { onPiece: (acceptor) => acceptor.pause() });
  const requestor = await open(scene.socket, { clock, timeouts: { ...timeouts, dimseMs: 30_000 } });
  let taken = 0;
  const source = function* () {
    for (;;) {
      taken++;
      yield new Uint8Array(256 * 1024);
    }
  };
  const answered = requestor.invoke(1, storeRq(1), source()).catch((error: unknown) => error);
  await steady(() => taken);
  clock.advance(30_000);
  expect(await answered).toMatchObject({ name: 'AssociationError', errorType: 'dimse_timeout' });
  const resuming = setInterval(() => scene.acceptor.resume(), 1);
  expect(await scene.ended).toMatchObject({ errorType: 'aborted' });
  clearInterval(resuming);
});

test('a request that is never answered is given up after the DIMSE time-out, counted from its end', async () => {
  const clock = new ManualClock();
  const scene = await storing({}, { message: () => undefined });
  const requestor = await open(scene.socket, { clock, timeouts: { ...timeouts, dimseMs: 30_000 } });
  const gate = Promise.withResolvers<void>();
  const source = async function* () {
    yield new Uint8Array(10);
    await gate.promise;
  };
  let error: unknown;
  const answered = requestor.invoke(1, storeRq(1), source()).catch((reason: unknown) => {
    error = reason;
  });
  clock.advance(1_000_000);
  gate.resolve();
  await steady(() => scene.acceptor.bytesReceived);
  expect(error).toBeUndefined();
  clock.advance(30_000);
  await answered;
  expect(error).toMatchObject({ errorType: 'dimse_timeout' });
});

test.each([
  ['the acceptor aborts', 'aborted', (scene: Scene) => scene.acceptor.abort()],
  ['the acceptor goes away', 'connection_', (scene: Scene) => scene.acceptor.destroy()],
  ['the requestor aborts', 'aborted', (_scene: Scene, requestor: Requestor) => requestor.abort()],
  ['the connection breaks', 'connection_', (scene: Scene) => scene.socket.destroy()],
])('%s in the middle of a data set: the invocation rejects, the data set is lost, and nothing else resolves', async (_what, type, act) => {
  const scene = await storing();
  const requestor = await open(scene.socket);
  const gate = Promise.withResolvers<void>();
  const source = async function* () {
    yield new Uint8Array(100_000);
    await gate.promise;
    yield new Uint8Array(100_000);
  };
  const answered = requestor.invoke(1, storeRq(1), source()).catch((reason: unknown) => reason);
  await until(() => (scene.stored[0]?.pieces.length ?? 0) > 0);
  act(scene, requestor);
  const error = await answered;
  expect(error).toBeInstanceOf(AssociationError);
  expect((error as AssociationError).errorType).toContain(type);
  gate.resolve();
  await scene.closed;
  expect(await scene.ended).toBeInstanceOf(AssociationError);
  expect(scene.stored[0]?.outcome).toBeInstanceOf(AssociationError);
  await expect(requestor.invoke(1, storeRq(2), [])).rejects.toBe(requestor.error);
});

test('a data set that cannot be read to its end aborts the association, early answer or not', async () => {
  for (const answerEarly of [false, true]) {
    const scene = await storing({}, { answerEarly });
    const requestor = await open(scene.socket);
    const source = async function* () {
      yield new Uint8Array(200_000);
      await until(() => (scene.stored[0]?.pieces.length ?? 0) > 0);
      throw new Error('EIO');
    };
    await expect(requestor.invoke(1, storeRq(1), source())).rejects.toMatchObject({ errorType: 'internal', cause: { message: 'EIO' } });
    expect(await scene.ended).toMatchObject({ errorType: 'aborted' });
    expect(scene.stored[0]?.outcome).toBeInstanceOf(AssociationError);
  }
});

test('a response to another request is never taken for the answer', async () => {
  const scene = await storing(
    {},
    {
      message: ({ respond }) => {
        respond(responseTo(storeRq(2), Status.success));
        return undefined;
      },
    },
  );
  const requestor = await open(scene.socket);
  await expect(requestor.invoke(1, storeRq(1), [])).rejects.toMatchObject({ errorType: 'protocol_error' });
});

test('a release by the peer while an operation is open rejects it', async () => {
  const [requestorSocket, raw] = await loopback();
  openSockets.push(requestorSocket, raw);
  const opening = open(requestorSocket);
  raw.resume();
  raw.write(
    Buffer.concat([
      Buffer.from([2, 0, 0, 0, 0, 97, 0, 1]),
      Buffer.alloc(66, 0x20),
      Buffer.from([0x21, 0, 0, 25, 1, 0, 0, 0, 0x40, 0, 0, 17]),
      Buffer.from('1.2.840.10008.1.2'),
    ]),
  );
  const requestor = await opening;
  const answered = requestor.invoke(1, storeRq(1), []);
  raw.write(releaseRqPdu);
  await expect(answered).rejects.toMatchObject({ errorType: 'connection_closed' });
});

const pdv = (contextId: number, control: number, bytes: Uint8Array) =>
  Buffer.concat([pdataHeader(contextId, control, bytes.length), bytes]);
const whole = PdvControl.command | PdvControl.last;
const storeCommand = encodeCommandSet(storeRq(1));

test.each([
  ['a command inside an unfinished data set', [pdv(1, whole, storeCommand), pdv(1, 0, new Uint8Array(8)), pdv(1, whole, storeCommand)]],
  ['another context inside a message', [pdv(1, whole, storeCommand), pdv(5, 2, new Uint8Array(8))]],
  ['a context that was not accepted', [pdv(3, whole, storeCommand)]],
  ['a context that was never proposed', [pdv(9, whole, storeCommand)]],
  ['a response to nothing', [pdv(1, whole, encodeCommandSet(responseTo(storeRq(1), Status.success)))]],
  ['a command that is longer than the limit', [pdv(1, PdvControl.command, new Uint8Array(70_000))]],
  ['a release inside a message', [pdv(1, whole, storeCommand), pdv(1, 0, new Uint8Array(8)), releaseRqPdu]],
])('%s is answered by A-ABORT, and the data set is lost', async (_what, pdus) => {
  const scene = await storing();
  const chunks: Buffer[] = [];
  scene.socket.on('data', (chunk) => chunks.push(chunk));
  const rq = associateRequest({ calledAeTitle: 'PACS', callingAeTitle: 'MODALITY', contexts, maxPduBytes: 0 });
  scene.socket.write(Buffer.concat([rq, ...pdus]));
  expect(await scene.ended).toMatchObject({ errorType: 'protocol_error' });
  await until(() =>
    Buffer.concat(chunks)
      .subarray(-10, -1)
      .equals(abortPdu({ source: 2, reason: 0 }).subarray(0, -1)),
  );
  for (const { outcome } of scene.stored) expect(outcome).toBeInstanceOf(AssociationError);
});

test('a policy may reject', async () => {
  const scene = await storing({ negotiate: () => ({ reject: { result: 1, source: 1, reason: 7 } }) });
  await expect(open(scene.socket)).rejects.toMatchObject({ errorType: 'rejected', message: expect.stringContaining('called AE title') });
  expect(await scene.ended).toBeUndefined();
});

test('a peer that asks and does not read its answers is not read without end', async () => {
  const scene = await storing();
  const rq = associateRequest({ calledAeTitle: 'PACS', callingAeTitle: 'MODALITY', contexts, maxPduBytes: 0 });
  const echo = pdv(5, whole, encodeCommandSet(commandSet({ commandField: CommandField.cEchoRq, messageId: 1 })));
  const answerBytes = 12 + encodeCommandSet(responseTo(commandSet({ commandField: CommandField.cEchoRq }), Status.success)).length;
  const count = 120_000;
  const requests = Buffer.concat([rq, Buffer.alloc(echo.length * count, echo)]);
  scene.socket.pause();
  scene.socket.write(requests);
  expect(await steady(() => scene.acceptor.bytesReceived)).toBeLessThan(requests.length);
  // The responses to one chunk more than the limit.
  expect(scene.acceptor.bufferedBytes).toBeLessThan(512 * 1024);
  let receivedBytes = 0;
  scene.socket.on('data', (chunk) => {
    receivedBytes += chunk.length;
  });
  scene.socket.resume();
  await until(() => receivedBytes > answerBytes * count);
});

test('no more requests are open than the limit, however many come at once', async () => {
  const open: ReceivedMessage[] = [];
  const scene = await storing(
    { limits: { maxCommandBytes: 64 * 1024, maxOpenRequests: 2 } },
    {
      message: (message) => {
        open.push(message);
        return undefined;
      },
    },
  );
  const rq = associateRequest({ calledAeTitle: 'PACS', callingAeTitle: 'MODALITY', contexts, maxPduBytes: 0 });
  scene.socket.write(rq);
  await once(scene.socket, 'data');
  // Each message is longer than a chunk, so that chunks do not bring several.
  const message = Buffer.concat([pdv(1, whole, storeCommand), pdv(1, 2, new Uint8Array(300_000))]);
  for (let sent = 0; sent < 6; sent++) scene.socket.write(message);
  let answered = 0;
  while (answered < 6) {
    await steady(() => open.length);
    expect(open.length - answered).toBeGreaterThan(0);
    // The limit, and the one whose beginning was in the last chunk read.
    expect(open.length - answered).toBeLessThanOrEqual(3);
    const next = open[answered++];
    next?.respond(responseTo(next.command, Status.success));
  }
});
