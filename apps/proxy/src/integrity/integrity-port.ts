/**
 * The near side of the ledger's thread. Publishing costs a copy of some values; nothing here waits for the thread, and nothing of an
 * association waits for this.
 *
 *   publish ──> bytes ──256 events, or 400 ms──> thread ──written──> let go
 *                └ full: counted, and the studies concerned are marked in the ledger
 *
 * What the thread has not said to have written is kept: when it dies, the next one gets it again. Once: a batch that ends two threads is let go.
 */
import type { LostInstances, StudyGeneration } from '@radiotracer/integrity';
import { isOfInterest, isOfStudies, isRead, studyOf } from '@radiotracer/integrity';
import type { Clock, LedgerLevels, Publish, TelemetryEvent } from '@radiotracer/telemetry';
import { type EventBytes, EventWriter, eventsIn } from '../telemetry/thread/event-bytes.ts';
import type { FromThread, ToThread } from './message.ts';

/** As Node's Worker. */
export interface IntegrityThread {
  postMessage(message: ToThread): void;
  on(event: 'message', call: (message: FromThread) => void): unknown;
  on(event: 'error', call: (error: unknown) => void): unknown;
  on(event: 'exit', call: () => void): unknown;
  terminate(): Promise<unknown>;
}

export interface IntegrityLog {
  /** The thread ended, and is started again. */
  ended(error: unknown, again: { readonly inMs: number }): void;
  /** Something failed, and is tried again; told again only when it is another failure, or a minute later. */
  failed(code: string, message: string | undefined): void;
  /** The file that tells the next process of a kill could not be touched. */
  unmarked(code: string, message: string): void;
  works(): void;
  movedAside(path: string): void;
}

export interface IntegrityPortOptions {
  readonly start: () => IntegrityThread;
  /** What the ledger tells. */
  readonly publish: Publish;
  /** Where studies stood when it began. */
  readonly remember: (studies: readonly StudyGeneration[]) => void;
  readonly log: IntegrityLog;
  readonly clock: Clock;
  /** Events that wait for the thread, those that are not confirmed included. Default 8192. */
  readonly maxQueuedEvents?: number;
  /** Their bytes: most are some 600, but a document comes with its data set. The thread takes as much again, twice. Default 16 MiB. */
  readonly maxQueuedBytes?: number;
}

interface Batch {
  readonly events: EventBytes;
  readonly isAgain: boolean;
}

/** Few and large: each wakes a thread that competes with the associations for a core, and is a transaction there. */
const maxBatchEvents = 256;
const maxBatchBytes = 1024 * 1024;
const gatherMs = 400;
const maxUnconfirmedBatches = 8;
const firstRestartMs = 500;
const longestRestartMs = 30_000;
const flushPatienceMs = 5000;
const stopPatienceMs = 3000;
const sameFailureMs = 60_000;
/** Studies that are remembered for events of theirs that were lost; past it, all that are seen next are marked. */
const maxMarked = 1000;

export class IntegrityPort {
  readonly #options: IntegrityPortOptions;
  readonly #maxQueuedEvents: number;
  readonly #maxQueuedBytes: number;
  readonly #gathered = new EventWriter();
  /** Full batches, for which there is no room among the unconfirmed. */
  readonly #waiting: EventBytes[] = [];
  #waitingEvents = 0;
  /** Of those that wait and those that are not confirmed. */
  #queuedBytes = 0;
  readonly #unconfirmed = new Map<number, Batch>();
  #unconfirmedEvents = 0;
  #batches = 0;
  readonly #marked = new Set<string>();
  #markedSince = 0;
  #thread: IntegrityThread | undefined;
  #cancelPost: (() => void) | undefined;
  #cancelRestart: (() => void) | undefined;
  #restartMs = firstRestartMs;
  #isStopped = false;
  readonly #flushes = new Map<number, () => void>();
  #flushCount = 0;
  readonly #started = Promise.withResolvers<void>();
  #stopped: (() => void) | undefined;
  #failure: { readonly code: string; readonly at: number } | undefined;
  #published = 0;
  #dropped = 0;
  #droppedThere = 0;
  #errors = 0;
  #lost: readonly LostInstances[] = [];

  constructor(options: IntegrityPortOptions) {
    this.#options = options;
    this.#maxQueuedEvents = options.maxQueuedEvents ?? 8192;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? 16 * 1024 * 1024;
    this.#start();
  }

  /** Never throws, never waits. */
  readonly publish = (event: TelemetryEvent): void => {
    try {
      if (this.#isStopped || !isOfInterest(event)) return;
      this.#published += 1;
      if (this.#isFull) {
        this.#dropped += 1;
        if (isOfStudies(event)) this.#mark(studyOf(event));
        return;
      }
      const isWhole = event.type === 'operation.ended' && (event.operation === 'C-STORE' || isRead(event));
      this.#gathered.add(event, { isWhole, hasIdentifiers: false });
      if (this.#gathered.count >= maxBatchEvents || this.#gathered.lengthBytes >= maxBatchBytes) this.#full();
      else this.#arm();
    } catch {
      this.#errors += 1;
    }
  };

  get levels(): LedgerLevels {
    return { lost: this.#lost, published: this.#published, dropped: this.#dropped + this.#droppedThere, errors: this.#errors };
  }

  /** The thread can read its ledger, or so much time is over. */
  started(limitMs: number): Promise<void> {
    return this.#within(this.#started.promise, limitMs);
  }

  /** What was published is in the ledger, and what is due there was looked at; or some seconds are over. */
  async flush(): Promise<void> {
    const id = this.#flushCount++;
    const done = Promise.withResolvers<void>();
    this.#flushes.set(id, done.resolve);
    this.#postAll();
    this.#send({ kind: 'flush', id });
    await this.#within(done.promise, flushPatienceMs);
    this.#flushes.delete(id);
  }

  /** Hands over what waits and ends the thread; takes a few seconds at most and never rejects. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#cancelPost?.();
    this.#cancelRestart?.();
    const thread = this.#thread;
    if (thread === undefined) return;
    const done = Promise.withResolvers<void>();
    this.#stopped = done.resolve;
    this.#postAll();
    this.#send({ kind: 'stop' });
    await this.#within(done.promise, stopPatienceMs);
    await thread.terminate();
    this.#endFlushes();
  }

  #start(): void {
    this.#cancelRestart = undefined;
    let failure: unknown;
    try {
      const thread = this.#options.start();
      this.#thread = thread;
      thread.on('message', (message) => this.#heard(message));
      thread.on('error', (error) => {
        failure = error;
      });
      thread.on('exit', () => {
        if (this.#thread === thread) this.#ended(failure);
      });
    } catch (error) {
      this.#ended(error);
      return;
    }
    this.#tellMarks();
    for (const [batch, { events }] of this.#unconfirmed) this.#send({ kind: 'events', batch, events });
    this.#post();
  }

  #ended(error: unknown): void {
    this.#thread = undefined;
    this.#stopped?.();
    if (this.#isStopped) return;
    this.#errors += 1;
    this.#endFlushes();
    for (const [id, { events, isAgain }] of this.#unconfirmed) {
      if (!isAgain) this.#unconfirmed.set(id, { events, isAgain: true });
      else this.#letGo(id, events);
    }
    this.#options.log.ended(error, { inMs: this.#restartMs });
    this.#cancelRestart = this.#options.clock.after(this.#restartMs, () => this.#start());
    this.#restartMs = Math.min(this.#restartMs * 2, longestRestartMs);
  }

  #endFlushes(): void {
    for (const resolve of this.#flushes.values()) resolve();
  }

  #letGo(id: number, events: EventBytes): void {
    this.#confirmed(id);
    this.#dropped += events.count;
    for (const event of eventsIn(events)) if (isOfStudies(event)) this.#mark(studyOf(event));
  }

  #heard(message: FromThread): void {
    switch (message.kind) {
      case 'started':
        this.#options.remember(message.generations);
        this.#started.resolve();
        return;
      case 'generations':
        this.#options.remember(message.generations);
        return;
      case 'written':
        this.#confirmed(message.batch);
        this.#restartMs = firstRestartMs;
        if (this.#failure !== undefined) this.#options.log.works();
        this.#failure = undefined;
        this.#postWaiting();
        this.#arm();
        return;
      case 'told':
        this.#options.publish(message.event);
        return;
      case 'levels':
        this.#lost = message.lost;
        this.#droppedThere = message.dropped;
        return;
      case 'failed':
        this.#failed(message.code, message.message);
        return;
      case 'unmarked':
        this.#options.log.unmarked(message.code, message.message);
        return;
      case 'moved-aside':
        this.#options.log.movedAside(message.path);
        return;
      case 'flushed':
        this.#flushes.get(message.id)?.();
        return;
      case 'stopped':
        this.#stopped?.();
        return;
    }
  }

  #failed(code: string, message: string | undefined): void {
    this.#errors += 1;
    const now = this.#options.clock.now();
    if (this.#failure?.code === code && now - this.#failure.at < sameFailureMs) return;
    this.#failure = { code, at: now };
    this.#options.log.failed(code, message);
  }

  #confirmed(id: number): void {
    const events = this.#unconfirmed.get(id)?.events;
    this.#unconfirmedEvents -= events?.count ?? 0;
    this.#queuedBytes -= events?.bytes.length ?? 0;
    this.#unconfirmed.delete(id);
  }

  #arm(): void {
    if (this.#cancelPost !== undefined || (this.#waiting.length === 0 && this.#gathered.count === 0)) return;
    this.#cancelPost = this.#options.clock.after(gatherMs, () => {
      this.#cancelPost = undefined;
      this.#post();
    });
  }

  get #isFull(): boolean {
    const events = this.#gathered.count + this.#waitingEvents + this.#unconfirmedEvents;
    return events >= this.#maxQueuedEvents || this.#gathered.lengthBytes + this.#queuedBytes >= this.#maxQueuedBytes;
  }

  #take(): EventBytes {
    const events = this.#gathered.take();
    this.#queuedBytes += events.bytes.length;
    return events;
  }

  #full(): void {
    const events = this.#take();
    this.#waiting.push(events);
    this.#waitingEvents += events.count;
    this.#postWaiting();
  }

  #post(): void {
    this.#postWaiting();
    if (this.#canPost && this.#gathered.count > 0) this.#postBatch(this.#take());
  }

  /** Whatever the thread has not confirmed yet. */
  #postAll(): void {
    this.#tellMarks();
    if (this.#thread === undefined) return;
    while (this.#waiting.length > 0) this.#postFirst();
    if (this.#gathered.count > 0) this.#postBatch(this.#take());
  }

  #postWaiting(): void {
    this.#tellMarks();
    while (this.#canPost && this.#waiting.length > 0) this.#postFirst();
  }

  get #canPost(): boolean {
    return this.#thread !== undefined && this.#unconfirmed.size < maxUnconfirmedBatches;
  }

  #postFirst(): void {
    const events = this.#waiting.shift();
    if (events === undefined) return;
    this.#waitingEvents -= events.count;
    this.#postBatch(events);
  }

  #postBatch(events: EventBytes): void {
    const batch = this.#batches++;
    this.#unconfirmed.set(batch, { events, isAgain: false });
    this.#unconfirmedEvents += events.count;
    this.#send({ kind: 'events', batch, events });
  }

  /** `undefined`: it may be any. */
  #mark(studyUid: string | undefined): void {
    if (this.#marked.size === 0) this.#markedSince = this.#options.clock.now();
    this.#marked.add(studyUid === undefined || this.#marked.size >= maxMarked ? '' : studyUid);
    this.#arm();
  }

  #tellMarks(): void {
    if (this.#thread === undefined || this.#marked.size === 0) return;
    this.#send({ kind: 'lost', studyUids: [...this.#marked], since: this.#markedSince });
    this.#marked.clear();
  }

  #send(message: ToThread): void {
    try {
      this.#thread?.postMessage(message);
    } catch {
      this.#errors += 1;
    }
  }

  async #within(work: Promise<void>, limitMs: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    // Its own, and not the clock's: it keeps the process alive meanwhile.
    const timer = setTimeout(late.resolve, limitMs);
    await Promise.race([work, late.promise]);
    clearTimeout(timer);
  }
}
