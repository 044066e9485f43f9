/** A relay that takes over, with a real spool, in the process of the test, and a PACS that fails as it is told. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { configFrom, type Timeouts } from '@radiotracer/config';
import type { Envelope, InstanceStore } from '@radiotracer/instance';
import { Capabilities, Relay, RetentionBudget } from '@radiotracer/relay';
import { instanceStore, Spool } from '@radiotracer/spool';
import type { TelemetryEvent } from '@radiotracer/telemetry';
import { type Clock, connectTransport, OwnConnections, ReadBufferPool, systemClock } from '@radiotracer/upper-layer';
import { readPart10 } from '../fixtures/part10.ts';
import type { RawMessage } from '../fixtures/raw-connection.ts';
import { ctImageStorage, element, explicitVrLittleEndian, textIn, verification } from '../fixtures/raw-pdu.ts';
import { type RawScp, type RawScpOptions, rawScp, type SeenAssociation, success } from '../fixtures/raw-scp.ts';
import { rawAssociate, rawEcho, rawStore } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { type GeneratedInstance, generateStudy } from '../fixtures/study-generator.ts';

export const stage = new Stage();

export const contexts = [
  { id: 1, abstractSyntax: verification, transferSyntaxes: [explicitVrLittleEndian] },
  { id: 3, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] },
];

export function storeRq(sopInstanceUid: string, messageId = 1): Record<number, number | string> {
  return {
    [element.affectedSopClassUid]: ctImageStorage,
    [element.commandField]: 0x0001,
    [element.messageId]: messageId,
    [element.priority]: 0,
    [element.affectedSopInstanceUid]: sopInstanceUid,
  };
}
export const study = [...generateStudy({ slices: 9, rows: 300, columns: 300, seed: 11 })];
export const dataSetOf = ({ bytes, dataSetOffset }: GeneratedInstance) => Buffer.from(bytes.subarray(dataSetOffset));

/** Sends the study on one association; the statuses that came. */
export async function send(proxy: Site['proxy']): Promise<number[]> {
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

export interface Site {
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

export interface SiteOptions {
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
export async function site(pacsPort: number, options: SiteOptions = {}): Promise<Site> {
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
export type Fault = (message: RawMessage, association: SeenAssociation, nth: number) => void;

export const answer: Fault = (message, { connection }) => connection.sendMessage(message.contextId, success(message));
export const withStatus =
  (status: number): Fault =>
  (message, { connection }) =>
    connection.sendMessage(message.contextId, { ...success(message), [element.status]: status });
export const atThird =
  (fault: Fault): Fault =>
  (message, association, nth) =>
    (nth === 3 ? fault : answer)(message, association, nth);

/** A PACS that keeps what it said Success to. */
export async function pacs(
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

export async function expectAllSafe({ spooled }: Site, stored: ReadonlyMap<string, Buffer>): Promise<void> {
  const kept = await spooled();
  for (const instance of study) {
    const found = stored.get(instance.sopInstanceUid) ?? kept.get(instance.sopInstanceUid);
    expect(found?.equals(dataSetOf(instance))).toBe(true);
  }
}

/** Accepts connections and says nothing. */
export async function silentPort(): Promise<number> {
  const server = createServer((socket) => stage.defer(() => void socket.on('error', () => {}).destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.defer(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** One take-over, and each instance that is kept has the trace context that its operation was told with. */
export function expectTold({ told, kept }: Site, takeOver: Partial<TelemetryEvent>): void {
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
export function watchedWaits() {
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

export const allSuccess = [...study.map(() => 0), 0];
