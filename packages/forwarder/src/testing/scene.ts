import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Destination } from '@radiotracer/config';
import type { Envelope, EnvelopeStart } from '@radiotracer/instance';
import { openMemoryQueue, openSqliteQueue, type Queue, type QueueEntry } from '@radiotracer/queue';
import { type Finding, nodeFileSystem, Spool } from '@radiotracer/spool';
import type { TelemetryEvent } from '@radiotracer/telemetry';
import { type Clock, DestinationCircuit, plainTransport, systemClock } from '@radiotracer/upper-layer';
import { Forwarder } from '../forwarder.ts';
import type { ForwarderOptions } from '../ports.ts';
import { Scheduler } from '../scheduler.ts';
import { Unremoved } from '../unremoved.ts';
import { ScriptedPacs } from './scripted-pacs.ts';

const ctImageStorage = '1.2.840.10008.5.1.4.1.1.2';
export const explicitVrLittleEndian = '1.2.840.10008.1.2.1';
export const jpegBaseline = '1.2.840.10008.1.2.4.50';

export interface SceneOptions {
  readonly clock?: Clock;
  readonly home?: 'memory' | 'sqlite';
  /** Stands between the forwarder and the schedule. */
  readonly around?: (queue: Queue) => Queue;
  readonly destination?: Partial<Destination>;
  readonly forwarder?: Partial<ForwarderOptions>;
  readonly random?: () => number;
}

export interface Put extends Partial<EnvelopeStart> {
  readonly dataSet?: Uint8Array;
}

/** Spool, schedule, PACS and forwarder, as the proxy would have them. */
export class Scene implements AsyncDisposable {
  readonly pacs = new ScriptedPacs();
  readonly events: TelemetryEvent[] = [];
  readonly findings: Finding[] = [];
  /** What should not have happened. */
  readonly failures: unknown[] = [];
  /** What the scheduler told of what the schedule did not take. */
  readonly missed: unknown[] = [];
  readonly put: Envelope[] = [];
  readonly bytes = new Map<string, Uint8Array>();
  live = 0;
  rebuilds = 0;
  /** Connections that the forwarder began. */
  connects = 0;
  /** Of these, those that are not closed yet. */
  sockets = 0;
  /** Most associations that it had in hand when it began one. */
  peak = 0;
  /** Nothing can be removed from the spool's volume. */
  isReadOnly = false;
  /** Calls to the spool that are not answered yet. */
  reading = 0;
  destination!: Destination;
  circuit!: DestinationCircuit;
  spool!: Spool;
  queue!: Queue;
  scheduler!: Scheduler;
  forwarder!: Forwarder;
  folder = '';
  readonly #clock: Clock;
  /** The last add. */
  #adding: Promise<unknown> = Promise.resolve();

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  static async open(options: SceneOptions = {}): Promise<Scene> {
    const clock = options.clock ?? systemClock;
    const scene = new Scene(clock);
    scene.folder = await mkdtemp(join(tmpdir(), 'radiotracer-forwarder-'));
    const unlink: typeof nodeFileSystem.unlink = (path) =>
      scene.isReadOnly ? Promise.reject(Object.assign(new Error('EROFS'), { code: 'EROFS' })) : nodeFileSystem.unlink(path);
    scene.spool = await Spool.open({
      dir: join(scene.folder, 'spool'),
      fileSystem: { ...nodeFileSystem, unlink },
      clock,
      onFinding: (finding) => scene.findings.push(finding),
    });
    const path = join(scene.folder, 'queue.db');
    const queue = options.home === 'sqlite' ? openSqliteQueue({ path }) : openMemoryQueue();
    scene.queue = options.around?.(queue) ?? queue;
    await scene.pacs.up();
    scene.destination = {
      id: 'pacs',
      host: '127.0.0.1',
      port: scene.pacs.port,
      aet: undefined,
      tls: undefined,
      timeouts: {
        artimMs: 1000,
        connectMs: 5000,
        associateMs: 5000,
        dimseResponseMs: 5000,
        storeResponseMs: 0,
        idleMs: 0,
        releaseMs: 2000,
      },
      maxAssociations: 2,
      retry: { initialMs: 20, maxMs: 100, budgetMs: 7 * 86_400_000 },
      circuit: { failures: 3, probeMs: 50 },
      statuses: { delivered: [], retry: [], dead: [] },
      verify: true,
      commit: 'never',
      ...options.destination,
    };
    scene.circuit = new DestinationCircuit({ failures: scene.destination.circuit.failures });
    scene.start(options);
    // As at the start of a process.
    await scene.scheduler.rebuild();
    scene.rebuilds = 0;
    return scene;
  }

  /** A process, over the spool and the schedule as they are. */
  start(options: SceneOptions): void {
    const [scene, clock, random] = [this, this.#clock, options.random ?? Math.random];
    const unremoved = new Unremoved({ spool: scene.spool, queue: scene.queue, clock, random });
    scene.scheduler = new Scheduler({
      spool: scene.spool,
      unremoved,
      queue: {
        add: (entry) => {
          const adding = scene.queue.add(entry);
          scene.#adding = adding;
          return adding;
        },
        health: () => scene.queue.health(),
        counts: (filter) => scene.queue.counts(filter),
        rebuild: (...given) => {
          scene.rebuilds++;
          return scene.queue.rebuild(...given);
        },
      },
      ownerId: 'proxy',
      wake: (envelope) => scene.forwarder.wake(envelope),
      failed: (error) => scene.missed.push(error),
      publish: (event) => scene.events.push(event),
      clock,
      random,
    });
    scene.forwarder = new Forwarder({
      spool: {
        read: async (id, into) => {
          const instance = await scene.#counted(scene.spool.read(id, into));
          const close = instance.close.bind(instance);
          instance.close = () => scene.#counted(close());
          return instance;
        },
        move: (id, to) => scene.#counted(scene.spool.move(id, to)),
        stateOf: (id) => scene.#counted(scene.spool.stateOf(id)),
        look: (id) => scene.#counted(scene.spool.look(id)),
        isAside: (id) => scene.#counted(scene.spool.isAside(id)),
        remove: (id, knownBytes) => scene.#counted(scene.spool.remove(id, knownBytes)),
        quarantine: (id, why) => scene.#counted(scene.spool.quarantine(id, why)),
      },
      queue: scene.queue,
      unremoved,
      destinations: [scene.destination],
      connect: ({ host, port }) => {
        scene.connects++;
        scene.sockets++;
        scene.peak = Math.max(scene.peak, scene.stats().openAssociations);
        const socket = connect({ host, port, noDelay: true });
        socket.once('close', () => void scene.sockets--);
        return plainTransport(socket);
      },
      circuit: () => scene.circuit,
      liveAssociations: () => scene.live,
      scheduler: scene.scheduler,
      publish: (event) => scene.events.push(event),
      failed: (error) => scene.failures.push(error),
      clock,
      random,
      ownerId: 'proxy',
      leaseHolder: 'test',
      limits: { maxCommandBytes: 64 * 1024 },
      ...options.forwarder,
      tuning: { pollMs: 50, keepMs: 20, housekeepingMs: 100, ...options.forwarder?.tuning },
    });
  }

  /** Into the spool and the schedule. */
  async add(put: Put = {}): Promise<Envelope> {
    const number = this.put.length + 1;
    const { dataSet = new TextEncoder().encode(`data set ${number} `.repeat(100)), ...facts } = put;
    const writer = await this.spool.begin({
      routeId: 'route-1',
      destinationId: 'pacs',
      callingAeTitle: 'CT1',
      calledAeTitle: 'PACS',
      sourceAddress: '10.0.0.1',
      receivedAt: Math.trunc(this.#clock.now()),
      sopClassUid: ctImageStorage,
      abstractSyntaxUid: facts.sopClassUid ?? ctImageStorage,
      sopInstanceUid: `1.2.3.${number}`,
      transferSyntaxUid: explicitVrLittleEndian,
      ...facts,
    });
    if (!writer.write(dataSet)) await writer.drained;
    const envelope = await writer.commit({ studyInstanceUid: facts.studyInstanceUid ?? '1.2.3' });
    this.put.push(envelope);
    this.bytes.set(envelope.sopInstanceUid, dataSet);
    this.scheduler.committed(envelope);
    await Promise.allSettled([this.#adding]);
    return envelope;
  }

  stats() {
    const [stats] = this.forwarder.stats();
    if (stats === undefined) throw new Error('no destination');
    return stats;
  }

  async entries(): Promise<readonly QueueEntry[]> {
    return (await this.queue.page({}, undefined, 1000)).entries;
  }

  async spooled(): Promise<string[]> {
    const found: string[] = [];
    for await (const { id, state } of this.spool.list()) found.push(`${state} ${id}`);
    return found;
  }

  /** Nothing waits and nothing is being sent. */
  async settled(): Promise<boolean> {
    return (await this.entries()).every(({ state }) => state === 'dead' || state === 'held');
  }

  of<Type extends TelemetryEvent['type']>(type: Type): Extract<TelemetryEvent, { type: Type }>[] {
    return this.events.filter((event): event is Extract<TelemetryEvent, { type: Type }> => event.type === type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.forwarder.stop(0);
    await this.pacs.down();
    await this.queue.close();
    await this.spool.close();
    await rm(this.folder, { recursive: true });
    if (this.failures.length > 0) throw new Error('the forwarder made a mistake', { cause: this.failures[0] });
  }

  async #counted<T>(call: Promise<T>): Promise<T> {
    this.reading++;
    try {
      return await call;
    } finally {
      this.reading--;
    }
  }
}
