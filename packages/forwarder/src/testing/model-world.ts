/**
 * A machine with a disk, a proxy on it that lives, ends and starts again, the schedule, two destinations, and modalities: what the whole way
 * of an instance is made of, in simulated time and without anything real but the code under test. It keeps the books: what was acknowledged,
 * and what may have become of it.
 */
import type { Socket } from 'node:net';
import type { Envelope, EnvelopeStart, InstanceId } from '@radiotracer/instance';
import { QueueUnavailable } from '@radiotracer/queue';
import { type InstanceState, instanceStore, MemoryMachine, Spool, SpoolError, SpoolView } from '@radiotracer/spool';
import type { DeliveryDeadLettered, TelemetryEvent } from '@radiotracer/telemetry';
import { connectInMemory } from './memory-socket.ts';
import { ModelPacs } from './model-pacs.ts';
import { assemble, destinationIds, type Process } from './model-process.ts';
import { ModelSchedule } from './model-schedule.ts';
import { SimClock } from './sim-clock.ts';

export type Ending = 'kill' | 'power-cut';

const dir = '/var/spool';
const maxTurns = 20_000;
const wallStartMs = 1_800_000_000_000;

/** What the test knows of an instance that a modality sent. */
export interface Sent {
  readonly start: EnvelopeStart;
  readonly studyInstanceUid: string;
  readonly bytes: Buffer;
  readonly life: number;
  id: InstanceId | undefined;
  acknowledged: boolean;
  /** Its bytes were changed behind the spool's back. */
  damaged: boolean;
  /** What an operator asked for, and was told that it is done; `unsure`: and was not told. */
  wanted: 'sent' | 'held' | 'unsure';
  heldAtMs: number;
  /** How often it had come whole when it was first seen to be dead; undefined: it is not, or may not stay so. */
  receivedWhenDead: number | undefined;
  /** How often an operator brought it back from the dead, or tried to. */
  retries: number;
}

export interface WorldOptions {
  readonly seed: number;
  /** Of an SQLite database; undefined: the schedule is in memory. */
  readonly path?: string | undefined;
}

export class ModelWorld {
  readonly machine: MemoryMachine;
  readonly clock = new SimClock();
  readonly schedule: ModelSchedule;
  readonly pacs: readonly ModelPacs[];
  readonly sent: Sent[] = [];
  readonly deadLetters: DeliveryDeadLettered[] = [];
  /** Attempts that failed, by SOP Instance UID. */
  readonly retried = new Map<string, number>();
  /** Somebody has set the clock. */
  clockWasSet = false;
  /** What should not happen: mistakes, and whatever the forwarder calls so. */
  readonly mistakes: unknown[] = [];
  /** Ends of processes that were not asked for, and errors of the disk: what excuses a duplicate. */
  readonly crashes: { readonly atMs: number; readonly life: number; readonly kind: Ending | 'disk' }[] = [];
  /** What happened, in order. */
  readonly log: string[] = [];
  #possibleDuplicates = 0;
  lives = 0;
  /** The latest that a wall clock has shown. */
  wallMaxMs = wallStartMs;
  process: Process | undefined;
  /** The next operations of the disk that fail. */
  diskFaults: { after: number; count: number; code: 'EIO' | 'ENOSPC' } | undefined;
  /** Wall clock less elapsed time. */
  #wallOffsetMs = wallStartMs;
  #moves = 0;
  #drawn = 0;
  #state: number;

  constructor({ seed, path }: WorldOptions) {
    this.#state = seed | 0;
    this.machine = new MemoryMachine({ seed });
    this.schedule = new ModelSchedule(() => this.random(), path);
    this.pacs = destinationIds.map(() => new ModelPacs(this.clock.process(0), (what) => this.note(what)));
  }

  /** A process starts, and ends before the `endsBefore`-th thing that it does; undefined: it lives on. */
  async boot(ending?: { readonly endsBefore: number; readonly end: Ending }): Promise<void> {
    const number = ++this.lives;
    for (const pacs of this.pacs) pacs.life = number;
    let points = 0;
    const clock = this.clock.process(this.#wallOffsetMs + this.clock.elapsedMs);
    const process = {
      number,
      clock,
      sockets: new Set<Socket>(),
      ended: false,
      end: Promise.withResolvers<void>(),
      intakes: new Set<Promise<void>>(),
    } as unknown as Process;
    this.process = process;
    const due = () => !process.ended && ending !== undefined && ++points >= ending.endsBefore;
    process.reached = () => {
      this.#moves++;
      if (!due() || ending === undefined) return;
      if (ending.end === 'kill') this.machine.kill();
      else this.machine.powerCut();
      this.#ended(process, ending.end);
    };
    const fileSystem = this.machine.boot();
    this.machine.fault = (operation) => {
      this.#moves++;
      if (due() && ending !== undefined) {
        this.#ended(process, ending.end);
        return ending.end;
      }
      return operation === 'release' ? undefined : this.#diskFault();
    };
    try {
      await this.schedule.reopen();
      const wall = { now: () => Math.trunc(clock.now()) };
      // Never twice the same, as a cryptographic source gives it.
      const random = (bytes: Uint8Array) => void new DataView(bytes.buffer).setUint32(2, ++this.#drawn);
      const limits = { minFreeBytes: 0, minFreeFiles: 0, maxUnwrittenBytes: 2_000 };
      process.spool = await Spool.open({ dir, fileSystem, clock: wall, random, limits });
      process.view = new SpoolView({ dir, fileSystem });
      const assembled = assemble(process, {
        queue: this.schedule.view(process),
        connect: (id) => this.#connect(process, id),
        told: (event) => this.#told(event),
        failed: (error) => this.#failed(process, error),
        random: () => this.random(),
      });
      await Promise.race([assembled, process.end.promise]);
    } catch (error) {
      if (!process.ended && !(error instanceof SpoolError && this.#hadDiskFault())) throw error;
      // A disk that fails ends a start as a crash does.
      if (!process.ended) {
        this.machine.kill();
        this.#ended(process, 'kill');
      }
    }
  }

  /** What it told that should not happen; not what we did to it. */
  #failed(process: Process, error: unknown): void {
    if (process.ended || error instanceof QueueUnavailable) return;
    if (error instanceof SpoolError && this.#hadDiskFault()) return;
    this.mistakes.push(error);
  }

  #told(event: TelemetryEvent): void {
    if (event.type === 'circuit.changed') this.note(`circuit of ${event.destinationId} ${event.to}`);
    if (event.type === 'delivery.dead_lettered') this.deadLetters.push(event);
    if (event.type !== 'delivery.attempted') return;
    const { sopInstanceUid: uid, outcome, errorType, status } = event;
    this.note(`${uid} ${outcome} ${errorType ?? ''} ${status ?? ''}`);
    if (outcome === 'retry') this.retried.set(uid, (this.retried.get(uid) ?? 0) + 1);
  }

  #connect(process: Process, id: string): Socket {
    const pacs = this.pacs[destinationIds.indexOf(id as (typeof destinationIds)[number])];
    const moved = () => void this.#moves++;
    const socket = connectInMemory(() => ({ accept: process.ended ? 'silence' : pacs?.accept, moved }));
    process.sockets.add(socket);
    socket.once('close', () => process.sockets.delete(socket));
    if (process.ended) socket.destroy();
    return socket;
  }

  #ended(process: Process, kind: Ending): void {
    if (process.ended) return;
    process.ended = true;
    process.end.resolve();
    this.crashes.push({ atMs: this.clock.elapsedMs, life: this.lives, kind });
    this.note(kind);
    // What was moved a moment ago may be where it was.
    if (kind === 'power-cut') for (const sent of this.sent) sent.receivedWhenDead = undefined;
    this.#wallOffsetMs = process.clock.now() - this.clock.elapsedMs;
    process.clock.end();
    this.#count(process);
    for (const socket of process.sockets) socket.destroy();
  }

  #count(process: Process): void {
    for (const { possibleDuplicates } of process.forwarder?.stats() ?? []) this.#possibleDuplicates += possibleDuplicates;
  }

  get alive(): boolean {
    return this.process !== undefined && !this.process.ended;
  }

  /** The process is asked to end; it has a minute. */
  async stop(): Promise<void> {
    const { process } = this;
    if (process === undefined || process.ended) return;
    let over = false;
    const stopping = process.forwarder
      .stop(60_000)
      .then(() => Promise.all(process.intakes))
      .then(() => process.spool.close())
      .then(() => {
        over = true;
      })
      .catch((error: unknown) => {
        if (!process.ended) this.mistakes.push(error);
        over = true;
      });
    await this.clock.advance(
      900_000,
      () => this.settle(),
      () => over || process.ended,
    );
    if (process.ended) return;
    if (!over) throw new Error('the process does not stop');
    await stopping;
    this.#count(process);
    process.ended = true;
    this.#wallOffsetMs = process.clock.now() - this.clock.elapsedMs;
    process.clock.end();
  }

  /** Ended at rest, if it still lives. */
  crash(kind: Ending): void {
    const { process } = this;
    if (process === undefined || process.ended) return;
    if (kind === 'kill') this.machine.kill();
    else this.machine.powerCut();
    this.#ended(process, kind);
  }

  /** The wall clock of the machine, for the next process; forwards also for the one that lives. */
  stepClock(byMs: number): void {
    this.clockWasSet = true;
    if (this.alive) this.process?.clock.jump(Math.abs(byMs));
    else this.#wallOffsetMs += byMs;
  }

  async pass(ms: number): Promise<void> {
    const { alive } = this;
    await this.clock.advance(
      ms,
      () => this.settle(),
      () => alive && !this.alive,
    );
  }

  /** Until nothing moves any more without time going on. */
  async settle(): Promise<void> {
    this.wallMaxMs = Math.max(this.wallMaxMs, this.process?.clock.now() ?? 0);
    let turns = 0;
    for (let quiet = 0; quiet < 3; quiet++) {
      if (++turns > maxTurns) throw new Error('something spins: it goes on and on without time passing');
      const before = this.#moves;
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#moves !== before) quiet = -1;
    }
  }

  /** A modality sends; `wait`: until it has its answer, as one that sends one after another. */
  async send(to: number, study: number, size: number, jpeg: boolean, other: boolean, wait: boolean): Promise<void> {
    const { process } = this;
    if (process === undefined || process.ended) return;
    const number = this.sent.length;
    const bytes = Buffer.alloc(size);
    for (let at = 0; at < size; at++) bytes[at] = (at * 7 + number * 13) & 0xff;
    const sent: Sent = {
      start: {
        routeId: 'route',
        destinationId: destinationIds[to] ?? 'pacs',
        callingAeTitle: other ? 'MR' : 'CT',
        calledAeTitle: 'PACS',
        sourceAddress: '192.0.2.1',
        receivedAt: Math.trunc(process.clock.now()),
        sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
        sopInstanceUid: `1.2.3.${number}`,
        transferSyntaxUid: jpeg ? '1.2.840.10008.1.2.4.50' : '1.2.840.10008.1.2.1',
        abstractSyntaxUid: '1.2.840.10008.5.1.4.1.1.2',
      },
      studyInstanceUid: `1.9.${study}`,
      bytes,
      life: process.number,
      id: undefined,
      acknowledged: false,
      damaged: false,
      wanted: 'sent',
      heldAtMs: 0,
      receivedWhenDead: undefined,
      retries: 0,
    };
    this.sent.push(sent);
    const committed = (envelope: Envelope) => {
      sent.id = envelope.id;
      process.scheduler.committed(envelope);
    };
    const store = instanceStore(process.spool, { committed }, process.clock.now.bind(process.clock));
    const intake = store.begin(sent.start);
    const sending = async () => {
      for (let at = 0; at < bytes.length; at += 900) {
        if (!intake.write(bytes.subarray(at, at + 900))) await intake.drained;
      }
      await intake.commit({ studyInstanceUid: sent.studyInstanceUid });
      // The answer of one that has ended does not leave the machine.
      if (process.ended) return;
      sent.acknowledged = true;
      this.note(`${sent.start.sopInstanceUid} acknowledged as ${sent.id}`);
    };
    const under = sending().catch((error: unknown) => {
      if (process.ended || (error instanceof SpoolError && this.#hadDiskFault())) return;
      this.mistakes.push(error);
    });
    const ended = under.finally(() => process.intakes.delete(ended));
    process.intakes.add(ended);
    if (wait) await this.settle();
  }

  /** What an operator does, as the command line does it: first the file, then the schedule. */
  async operate(verb: 'hold' | 'release' | 'retry', which: number): Promise<void> {
    const { process } = this;
    const known = this.sent.filter(({ id }) => id !== undefined);
    const sent = known[which % known.length];
    if (process === undefined || process.ended || sent?.id === undefined) return;
    const { id } = sent;
    const before = sent.wanted;
    const work = async () => {
      const from: readonly InstanceState[] = verb === 'hold' ? ['waiting'] : verb === 'release' ? ['held'] : ['dead'];
      sent.wanted = 'unsure';
      if (verb === 'retry') {
        sent.retries++;
        sent.receivedWhenDead = undefined;
      }
      await process.view.move(id, verb === 'hold' ? 'held' : 'waiting', from);
      // By the spool it is done.
      sent.wanted = verb === 'hold' ? 'held' : 'sent';
      sent.heldAtMs = this.clock.elapsedMs;
      await process.queue[verb]({ ids: [id] }, Math.trunc(process.clock.now()));
    };
    const working = work().catch((error: unknown) => {
      if (process.ended || error instanceof QueueUnavailable) return;
      if (error instanceof SpoolError && (error.code === 'unknown-instance' || this.#hadDiskFault())) {
        if (error.code === 'unknown-instance') sent.wanted = before;
        return;
      }
      this.mistakes.push(error);
    });
    await Promise.race([working, process.end.promise]);
  }

  /** Changes a byte of a file in the spool, in the cache and on the disk. */
  damage(which: number, front: boolean): void {
    const files = [...this.machine.disk.files()].filter(([path]) => path.endsWith('.dcm') && !path.includes('/damaged/'));
    const found = files[which % files.length];
    if (found === undefined) return;
    const [path, file] = found;
    const sent = this.sent.find(({ id }) => id === idIn(path));
    if (sent === undefined) return;
    sent.damaged = true;
    const envelopeAt = Buffer.from(file.bytes).indexOf('"destinationId"') + 20;
    const at = front || sent.bytes.length === 0 ? envelopeAt : file.bytes.length - 1;
    for (const bytes of new Set([file.bytes, file.durable])) if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
  }

  /** Something for whoever must understand a history that went wrong. */
  note(what: string): void {
    this.log.push(`${(this.clock.elapsedMs / 1000).toFixed(1)} s, life ${this.lives}: ${what}`);
  }

  /** From 0 to below 1, by the seed. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Files of the spool that have an id in their name, by id. */
  files(): Map<InstanceId, { readonly place: string; readonly bytes: Uint8Array }[]> {
    const found = new Map<InstanceId, { place: string; bytes: Uint8Array }[]>();
    for (const [path, file] of this.machine.disk.files()) {
      const id = idIn(path);
      const place = path.slice(dir.length + 1).split('/')[0] ?? '';
      if (id !== undefined && !path.endsWith('.why')) found.set(id, [...(found.get(id) ?? []), { place, bytes: file.bytes }]);
    }
    return found;
  }

  pacsOf(sent: Sent): ModelPacs {
    const pacs = this.pacs[destinationIds.indexOf(sent.start.destinationId as 'pacs')];
    if (pacs === undefined) throw new Error('no such destination');
    return pacs;
  }

  /** As the forwarders counted them, of all lives. */
  get possibleDuplicates(): number {
    const living = this.alive ? (this.process?.forwarder.stats() ?? []) : [];
    return living.reduce((sum, { possibleDuplicates }) => sum + possibleDuplicates, this.#possibleDuplicates);
  }

  /** How long it can have been tried, by any clock that a process has had. */
  knownForMs({ start }: Sent): number {
    return this.wallMaxMs - start.receivedAt;
  }

  /** Nothing waits and nothing is being sent. */
  async atRest(): Promise<boolean> {
    if (this.process?.intakes.size !== 0) return false;
    for (const copies of this.files().values()) if (copies.some(({ place }) => place === 'waiting')) return false;
    const { entries } = await this.schedule.truth.page({}, undefined, 1000);
    return entries.every(({ state }) => state === 'held' || state === 'dead');
  }

  #diskFault(): 'EIO' | 'ENOSPC' | undefined {
    const faults = this.diskFaults;
    if (faults === undefined) return undefined;
    if (faults.after > 0) {
      faults.after--;
      return undefined;
    }
    if (--faults.count <= 0) this.diskFaults = undefined;
    this.crashes.push({ atMs: this.clock.elapsedMs, life: this.lives, kind: 'disk' });
    this.note(faults.code);
    return faults.code;
  }

  #hadDiskFault(): boolean {
    return this.crashes.some(({ kind }) => kind === 'disk');
  }
}

function idIn(path: string): InstanceId | undefined {
  return /\/([0-9A-HJKMNP-TV-Z]{26})\./.exec(path)?.[1];
}
