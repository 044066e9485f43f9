/** The destination fails, before, during and after an association: the modality sees a normal transfer, and every instance is safe. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { configFrom, type Timeouts } from '@radiotracer/config';
import type { Envelope, InstanceStore } from '@radiotracer/instance';
import { Capabilities, Relay, RetentionBudget } from '@radiotracer/relay';
import { instanceStore, Spool } from '@radiotracer/spool';
import type { ErrorType, TelemetryEvent } from '@radiotracer/telemetry';
import { type Clock, connectTransport, OwnConnections, ReadBufferPool, systemClock } from '@radiotracer/upper-layer';
import { eventually } from '../fixtures/deadline.ts';
import { readPart10 } from '../fixtures/part10.ts';
import { freePort } from '../fixtures/ports.ts';
import type { RawConnection, RawMessage } from '../fixtures/raw-connection.ts';
import {
  abort,
  associateAc,
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
  roleSelection,
  textIn,
  verification,
} from '../fixtures/raw-pdu.ts';
import { type RawScp, type RawScpOptions, rawScp, type SeenAssociation, success } from '../fixtures/raw-scp.ts';
import { rawAssociate, rawConnect, rawEcho, rawStore } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { type GeneratedInstance, generateStudy } from '../fixtures/study-generator.ts';

const stage = new Stage();
afterAll(() => stage.clear(), 60_000);

const contexts = [
  { id: 1, abstractSyntax: verification, transferSyntaxes: [explicitVrLittleEndian] },
  { id: 3, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] },
];

function storeRq(sopInstanceUid: string, messageId = 1): Record<number, number | string> {
  return {
    [element.affectedSopClassUid]: ctImageStorage,
    [element.commandField]: 0x0001,
    [element.messageId]: messageId,
    [element.priority]: 0,
    [element.affectedSopInstanceUid]: sopInstanceUid,
  };
}
const study = [...generateStudy({ slices: 9, rows: 300, columns: 300, seed: 11 })];
const dataSetOf = ({ bytes, dataSetOffset }: GeneratedInstance) => Buffer.from(bytes.subarray(dataSetOffset));

/** Sends the study on one association; the statuses that came. */
async function send(proxy: Site['proxy']): Promise<number[]> {
  const { connection } = await rawAssociate(stage, proxy.port, { contexts });
  const statuses: number[] = [];
  for (const [index, instance] of study.entries()) {
    const { sopInstanceUid } = instance;
    statuses.push(
      await rawStore(connection, {
        contextId: 3,
        messageId: index + 1,
        sopClassUid: ctImageStorage,
        sopInstanceUid,
        dataSet: dataSetOf(instance),
      }),
    );
  }
  statuses.push(await rawEcho(connection, 1, 100));
  await connection.release();
  return statuses;
}

interface Site {
  readonly proxy: { readonly port: number };
  /** Data sets in the spool, by SOP Instance UID. */
  spooled(): Promise<Map<string, Buffer>>;
  readonly told: readonly TelemetryEvent[];
  /** Envelopes of what is safe. */
  readonly kept: readonly Envelope[];
  /** How the destination fared: undefined when it answered. */
  readonly fared: readonly (string | undefined)[];
  /** Names of files that are not whole. */
  parts(): Promise<string[]>;
  /** As when the process is going. */
  abort(): Promise<void>;
  /** Associations in which the destination takes part. */
  relayed(): number;
}

interface SiteOptions {
  readonly onFailure?: 'spool' | 'refuse';
  readonly mode?: 'relay' | 'store-and-forward';
  readonly retainBytes?: number;
  readonly timeouts?: Partial<Timeouts>;
  /** Nothing can be kept just now. */
  readonly isFull?: () => boolean;
  /** Where it listens; default: any free port. */
  readonly port?: number;
  readonly clock?: Clock;
  /** The destination, as is known. */
  readonly isDown?: boolean;
  readonly maxAssociations?: number;
  /** As the destination is to see them; default: as they came. */
  readonly titles?: { readonly callingAeTitle: string; readonly calledAeTitle: string };
  readonly storeAs?: (store: InstanceStore) => InstanceStore;
  /** Of the process. */
  readonly processRetainBytes?: number;
}

/** The relay and a real spool, in this process. */
async function site(pacsPort: number, options: SiteOptions = {}): Promise<Site> {
  const dir = join(await stage.folder('spool'), 'spool');
  const spool = await Spool.open({ dir, clock: systemClock });
  stage.defer(() => spool.close());
  const config = configFrom({
    listeners: [{ host: '127.0.0.1', port: 0 }],
    destinations: { pacs: { host: '127.0.0.1', port: pacsPort } },
    routes: [{ to: 'pacs' }],
  });
  const [route] = config.routes;
  const destination = config.destinations['pacs'];
  if (route === undefined || destination === undefined) throw new Error('a route and a destination are configured');
  const timeouts = { ...config.timeouts, ...options.timeouts };
  const rewritten = options.titles === undefined ? {} : { rewriteCallingAet: options.titles.callingAeTitle };
  const readBuffers = new ReadBufferPool();
  const told: TelemetryEvent[] = [];
  const kept: Envelope[] = [];
  const fared: (string | undefined)[] = [];
  const retainBytes = options.retainBytes ?? 4 * 1024 * 1024;
  const { storeAs = (store) => store } = options;
  const store = storeAs(instanceStore(spool, { committed: (envelope) => void kept.push(envelope) }, systemClock.now));
  const ownConnections = new OwnConnections();
  const relay = new Relay({
    listeners: [{ host: '127.0.0.1', port: options.port ?? 0 }],
    isSelf: (accepted) => ownConnections.has(accepted),
    readBuffers,
    clock: options.clock ?? systemClock,
    publish: (event) => told.push(event),
    findRoute: () => ({
      route: { ...route, onFailure: options.onFailure ?? 'spool', mode: options.mode ?? 'relay', ...rewritten },
      destination: { ...destination, timeouts, aet: options.titles?.calledAeTitle },
    }),
    connect: ({ host, port }) => ownConnections.add(connectTransport(host, port, readBuffers)),
    limits: { ...config.limits, ...(options.maxAssociations === undefined ? {} : { maxAssociations: options.maxAssociations }) },
    timeouts,
    takeOver: {
      store: {
        get accepting() {
          return store.accepting && options.isFull?.() !== true;
        },
        begin: (...given) => store.begin(...given),
      },
      capabilities: new Capabilities({}, () => {}),
      retainBytes,
      budget: new RetentionBudget(options.processRetainBytes ?? retainBytes),
      isDown: () => options.isDown === true,
      fared: (_destinationId, errorType) => fared.push(errorType),
      traceparent: () => `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`,
    },
  });
  const [listener] = await relay.listen();
  stage.defer(() => relay.abort());
  return {
    proxy: { port: listener?.port ?? 0 },
    told,
    kept,
    fared,
    parts: () => readdir(join(dir, 'incoming')),
    abort: () => relay.abort(),
    relayed: () => relay.associationsTo('pacs'),
    spooled: async () => {
      const found = new Map<string, Buffer>();
      for (const name of await readdir(join(dir, 'waiting'), { recursive: true })) {
        if (!name.endsWith('.dcm')) continue;
        const part10 = readPart10(await readFile(join(dir, 'waiting', name)));
        if (part10 === undefined) throw new Error(`${name} is no Part 10 file`);
        found.set(part10.sopInstanceUid, part10.dataSet);
      }
      return found;
    },
  };
}

/** What a PACS does with the nth message (from 0) of an association. */
type Fault = (message: RawMessage, association: SeenAssociation, nth: number) => void;

const answer: Fault = (message, { connection }) => connection.sendMessage(message.contextId, success(message));
const withStatus =
  (status: number): Fault =>
  (message, { connection }) =>
    connection.sendMessage(message.contextId, { ...success(message), [element.status]: status });
const atThird =
  (fault: Fault): Fault =>
  (message, association, nth) =>
    (nth === 3 ? fault : answer)(message, association, nth);

/** A PACS that keeps what it said Success to. */
async function pacs(
  fault: Fault,
  options: RawScpOptions = {},
): Promise<Pick<RawScp, 'port' | 'associations'> & { readonly stored: Map<string, Buffer> }> {
  const stored = new Map<string, Buffer>();
  const scp = await rawScp(stage, {
    ...options,
    onMessage: (message, association) => {
      const nth = association.messages.length - 1;
      const before = association.connection.socket.bytesWritten;
      fault(message, association, nth);
      const said = association.connection.socket.bytesWritten !== before || nth !== 3;
      const uid = textIn(message.command, element.affectedSopInstanceUid);
      if (said && nth < 3 && uid !== undefined && message.dataSet !== undefined) stored.set(uid, message.dataSet);
    },
  });
  return { port: scp.port, associations: scp.associations, stored };
}

async function expectAllSafe({ spooled }: Site, stored: ReadonlyMap<string, Buffer>): Promise<void> {
  const kept = await spooled();
  for (const instance of study) {
    const found = stored.get(instance.sopInstanceUid) ?? kept.get(instance.sopInstanceUid);
    expect(found?.equals(dataSetOf(instance))).toBe(true);
  }
}

/** Accepts connections and says nothing. */
async function silentPort(): Promise<number> {
  const server = createServer((socket) => stage.defer(() => void socket.on('error', () => {}).destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.defer(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** One take-over, and each instance that is kept has the trace context that its operation was told with. */
function expectTold({ told, kept }: Site, takeOver: Partial<TelemetryEvent>): void {
  expect(told.filter(({ type }) => type === 'association.taken_over')).toMatchObject([takeOver]);
  const operations = told.filter((event) => event.type === 'operation.ended');
  const spooled = operations.filter(({ disposition }) => disposition === 'spooled');
  expect(new Map(spooled.map((one) => [one.sopInstanceUid, one.traceparent]))).toEqual(
    new Map(kept.map((one) => [one.sopInstanceUid, one.traceparent])),
  );
  expect(new Set(kept.map(({ traceparent }) => traceparent)).size).toBe(kept.length);
  expect(operations.filter(({ operation }) => operation === 'C-STORE').length).toBe(study.length);
}

/** For a site whose waits for a response can be seen, as long as they last. */
function watchedWaits() {
  const responseMs = 123_456;
  const waits = new Set<() => void>();
  const clock: Clock = {
    now: systemClock.now,
    setTimer: (callback, delayMs) => {
      const timer = systemClock.setTimer(callback, delayMs);
      if (delayMs === responseMs) waits.add(callback);
      return {
        cancel: () => {
          waits.delete(callback);
          timer.cancel();
        },
      };
    },
  };
  return { waits, clock, timeouts: { dimseResponseMs: responseMs, storeResponseMs: responseMs } };
}

const allSuccess = [...study.map(() => 0), 0];

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

/** Three instances are sent before an answer comes; the PACS says `words` of its three answers and is gone: what the modality is answered, and what is kept. */
async function sendThree(words: (answers: readonly Buffer[], contextId: number) => Buffer, statuses: readonly number[] = [0, 0, 0]) {
  const messages: RawMessage[] = [];
  const { port } = await pacs((message, { connection }) => {
    messages.push(message);
    if (messages.length < 3) return;
    const answers = messages.map((one, nth) =>
      command({ ...success(one), [element.status]: statuses[nth] ?? 0, [element.dataSetType]: noDataSet }),
    );
    connection.send(words(answers, message.contextId));
    connection.socket.end();
  });
  const here = await site(port);
  const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
  const asked = study.slice(0, 3);
  for (const [index, instance] of asked.entries()) {
    connection.sendMessage(3, storeRq(instance.sopInstanceUid, index + 1), dataSetOf(instance));
  }
  const given = new Map<unknown, unknown>();
  for (const _ of asked) {
    const answer = (await connection.message()).command;
    given.set(numberIn(answer, element.messageIdBeingRespondedTo), numberIn(answer, element.status));
  }
  await connection.release();
  const spooled = await here.spooled();
  return { given, spooled: asked.map(({ sopInstanceUid }) => spooled.has(sopInstanceUid)) };
}

const allGiven = new Map([1, 2, 3].map((messageId) => [messageId, 0]));
const inOnePdu = (answers: readonly Buffer[], contextId: number) =>
  pData(...answers.map((fragment) => ({ contextId, control: 3, fragment })));

test.each([
  ['inside the last', (pdu: Buffer) => pdu.subarray(0, -20), [false, false, true]],
  // That another follows in its PDU is known by the length of that alone.
  ['behind the first', (pdu: Buffer, first: Buffer) => pdu.subarray(0, 12 + first.length), [false, true, true]],
] as const)(
  'a destination that dies inside a PDU of several answers, %s: the whole ones are given, for the rest it is taken over',
  async (_where, cut, kept) => {
    const { given, spooled } = await sendThree((answers, contextId) => cut(inOnePdu(answers, contextId), answers[0] ?? Buffer.of()));
    expect(given).toEqual(allGiven);
    expect(spooled).toEqual(kept);
  },
  30_000,
);

test('a destination that dies behind a whole PDU whose last answer is not whole: the same', async () => {
  const { given, spooled } = await sendThree(([first = Buffer.of(), second = Buffer.of()], contextId) =>
    pData({ contextId, control: 3, fragment: first }, { contextId, control: 1, fragment: second.subarray(0, 40) }),
  );
  expect(given).toEqual(allGiven);
  expect(spooled).toEqual([false, true, true]);
}, 30_000);

test('an answer that says out of resources, behind another in its PDU: the one before is given, from there it is taken over', async () => {
  const { given, spooled } = await sendThree(inOnePdu, [0, 0xa700, 0]);
  expect(given).toEqual(allGiven);
  expect(spooled).toEqual([false, true, true]);
}, 30_000);

test('an answer that says out of resources, of which the first part came behind another: the same', async () => {
  const { given, spooled } = await sendThree(
    ([first = Buffer.of(), second = Buffer.of()], contextId) =>
      Buffer.concat([
        pData({ contextId, control: 3, fragment: first }, { contextId, control: 1, fragment: second.subarray(0, 40) }),
        pData({ contextId, control: 3, fragment: second.subarray(40) }),
      ]),
    [0, 0xa700, 0],
  );
  expect(given).toEqual(allGiven);
  expect(spooled).toEqual([false, true, true]);
}, 30_000);

/** One instance and the request for release, in one go; what comes then: a status, or a type of PDU. */
async function sendAndRelease({ proxy, spooled }: Site): Promise<{ readonly came: readonly unknown[]; readonly isSpooled: boolean }> {
  const { connection } = await rawAssociate(stage, proxy.port, { contexts });
  const [instance] = study;
  if (instance === undefined) throw new Error('an instance is generated');
  connection.sendMessage(3, storeRq(instance.sopInstanceUid), dataSetOf(instance));
  connection.send(releaseRq);
  const came: unknown[] = [];
  let next = await connection.nextMessage();
  for (; 'command' in next; next = await connection.nextMessage()) came.push({ status: numberIn(next.command, element.status) });
  came.push(next.kind === 'pdu' ? { pdu: next.type } : next);
  const kept = (await spooled()).get(instance.sopInstanceUid);
  return { came, isSpooled: kept?.equals(dataSetOf(instance)) === true };
}

const answeredAndReleased = { came: [{ status: 0 }, { pdu: 0x06 }], isSpooled: true };

test.each<[string, Fault]>([
  ['dies', (_message, { connection }) => connection.socket.end()],
  ['says out of resources', withStatus(0xa700)],
  ['never answers', () => {}],
])(
  'a destination that %s when the modality has asked for release before its answer: the instance is kept, answered, and then released',
  async (_what, fault) => {
    // Answers when the release has come.
    const scp = await rawScp(stage, {
      script: async (association) => {
        const { connection } = association;
        const message = await connection.message();
        await connection.nextPdu();
        fault(message, association, 0);
      },
    });
    const here = await site(scp.port, { timeouts: { storeResponseMs: 700 } });
    expect(await sendAndRelease(here)).toEqual(answeredAndReleased);
    expect(here.told.filter(({ type }) => type === 'association.taken_over')).toMatchObject([{ when: 'within', storesInFlight: 1 }]);
  },
  30_000,
);

test('a modality that asks for release before its answer, in an outage: it has its answer first', async () => {
  expect(await sendAndRelease(await site(await freePort()))).toEqual(answeredAndReleased);
}, 30_000);

test('a destination that dies in the release, when nothing is to be answered: the modality is released, and nothing is taken over', async () => {
  const scp = await rawScp(stage, {
    script: async ({ connection }) => {
      await connection.nextPdu();
      connection.socket.resetAndDestroy();
    },
  });
  const here = await site(scp.port);
  const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
  await connection.release();
  expect(here.told.filter(({ type }) => type === 'association.taken_over')).toEqual([]);
}, 30_000);

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

test.each(['spool', 'refuse'] as const)(
  'store-and-forward: into the spool first, for the titles that the destination is to see, whatever it does (onFailure: %s)',
  async (onFailure) => {
    const { port, stored } = await pacs(answer);
    const titles = { callingAeTitle: 'GATEWAY', calledAeTitle: 'MAINPACS' };
    const here = await site(port, { mode: 'store-and-forward', onFailure, titles });
    expect(await send(here.proxy)).toEqual(allSuccess);
    expect(stored.size).toBe(0);
    await expectAllSafe(here, stored);
    expectTold(here, { when: 'before', errorType: undefined, clientAssociationId: undefined });
    expect(here.kept).toMatchObject(study.map(() => titles));
  },
  30_000,
);

const studyRootFind = '1.2.840.10008.5.1.4.1.2.2.1';
const privateClass = '1.3.6.1.4.1.99999.1';
const findContext = { id: 5, abstractSyntax: studyRootFind, transferSyntaxes: [explicitVrLittleEndian] };

test.each(['the first time', 'when it was seen to answer them'])(
  'store-and-forward: what only the destination can answer is relayed to it, %s',
  async (time) => {
    const { port } = await pacs(answer);
    const here = await site(port, { mode: 'store-and-forward' });
    for (let associations = time === 'the first time' ? 1 : 2; associations > 0; associations -= 1) {
      const { connection } = await rawAssociate(stage, here.proxy.port, { contexts: [...contexts.slice(0, 1), findContext] });
      const find = { [element.affectedSopClassUid]: studyRootFind, [element.commandField]: 0x0020, [element.messageId]: 1 };
      connection.sendMessage(5, { ...find, [element.priority]: 0 }, Buffer.alloc(8));
      expect(numberIn((await connection.message()).command, element.status)).toBe(0);
      await connection.release();
    }
    expect(here.told.filter(({ type }) => type === 'association.taken_over')).toEqual([]);
    // Where something is to be stored as well, that alone is accepted: nobody else can answer the rest, now or later.
    const both = await rawAssociate(stage, here.proxy.port, { contexts: [...contexts, findContext] });
    expect(both.contexts.map(({ id, result }) => [id, result])).toEqual([
      [1, 0],
      [3, 0],
      [5, 3],
    ]);
    await both.connection.release();
  },
  30_000,
);

test('store-and-forward: of a private class the destination is asked once, and it is kept first from then on', async () => {
  const { port } = await pacs(answer);
  const here = await site(port, { mode: 'store-and-forward' });
  const both = [...contexts, { id: 5, abstractSyntax: privateClass, transferSyntaxes: [explicitVrLittleEndian] }];
  for (const takenOver of [0, 1]) {
    const { connection, contexts: answered } = await rawAssociate(stage, here.proxy.port, { contexts: both });
    expect(answered.map(({ result }) => result)).toEqual([0, 0, 0]);
    expect(here.told.filter(({ type }) => type === 'association.taken_over')).toHaveLength(takenOver);
    await connection.release();
  }
}, 30_000);

test('store-and-forward: what asks for instances is relayed, though it names the storage classes that it takes', async () => {
  const { port } = await pacs(answer);
  const here = await site(port, { mode: 'store-and-forward' });
  const get = { id: 5, abstractSyntax: '1.2.840.10008.5.1.4.1.2.2.3', transferSyntaxes: [explicitVrLittleEndian] };
  const request = { contexts: [...contexts, get], userItems: [roleSelection(ctImageStorage, 0, 1)] };
  const { connection, contexts: answered } = await rawAssociate(stage, here.proxy.port, request);
  expect(answered.map(({ result }) => result)).toEqual([0, 0, 0]);
  await connection.release();
  expect(here.told.filter(({ type }) => type === 'association.taken_over')).toEqual([]);
}, 30_000);
