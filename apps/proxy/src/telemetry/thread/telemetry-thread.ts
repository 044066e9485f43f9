/**
 * Telemetry in a thread of its own: what it makes of an event takes longer than relaying the event's instance does, and here nobody waits for
 * it. Publishing costs the thread of the associations a few microseconds; what the other one does, or that it ends, costs it nothing.
 *
 *   publish ──> batch ──64 events, or 100 ms──> thread.ts ──> ring, stories, spans, metrics
 *     └ too many on their way: dropped, counted
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Config } from '@radiotracer/config';
import { type DeliverySources, isPerInstance, type LedgerSource, type RememberedStudy, type TelemetryEvent } from '@radiotracer/telemetry';
import type { IntegrityThread } from '../../integrity/integrity-port.ts';
import type { ThreadData } from '../../integrity/message.ts';
import type { LogLines } from '../log.ts';
import type { LogSink } from '../log-line.ts';
import { LoopWatch } from '../loop-watch.ts';
import type { RunningTelemetry } from '../start-telemetry.ts';
import { EventWriter } from './event-bytes.ts';
import type { FlatParts } from './flat-operation.ts';
import type { FromThread, Questions, Sources, ThreadStart, ToThread } from './messages.ts';
import { OpenQuestions } from './questions.ts';
import { Traceparents } from './traceparents.ts';

export interface TelemetryThreadOptions {
  readonly config: Config;
  readonly version: string;
  /** Secret; the same on every node of a site. */
  readonly siteKey: Uint8Array;
  readonly logger: LogSink;
  /** For the thread's own lines. */
  readonly lines: LogLines;
  /** For tests: the program of the thread. */
  readonly program?: URL;
  /** Events have been on their way for so long, and none has come: the thread is begun again. Default 60 s. */
  readonly stuckAfterMs?: number;
}

const maxBatchEvents = 64;
const gatherMs = 100;
/** On their way to the thread; what is told once per instance stops at the first, the rest at the second. */
const maxOnTheirWay = 8192;
const maxOnTheirWayInAll = 9216;
/** Longer than telemetry's own limit for the end of its exports. */
const shutdownMs = 6000;
const firstPauseMs = 1000;
const longestPauseMs = 60_000;
/** Looked at so often meanwhile: a process that was stopped as a whole, and goes on, has missed one look only. */
const looksUntilStuck = 6;
/**
 * What a collector that hangs makes it hold fits in several times; and a study of 50,000 instances, the most that is kept of one in the ledger,
 * takes some 150 MB to be looked at; one of 2,000 some 10.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 384 };

/** The near end of a channel to a part of a thread: messages go by the channel, the end is the thread's. */
class PortOfThread implements IntegrityThread {
  readonly #near: MessagePort;
  readonly #worker: Worker;

  constructor(near: MessagePort, worker: Worker) {
    this.#near = near;
    this.#worker = worker;
  }

  postMessage(message: unknown): void {
    this.#near.postMessage(message);
  }

  on(event: 'message' | 'error' | 'exit', call: (what: never) => void): void {
    if (event === 'message') this.#near.on(event, (message: unknown) => call(message as never));
    else this.#worker.on(event, (error: unknown) => call(error as never));
  }

  async terminate(): Promise<void> {
    this.#near.close();
  }
}

export class TelemetryThread implements RunningTelemetry {
  readonly #options: TelemetryThreadOptions;
  readonly #come = new Int32Array(new SharedArrayBuffer(4));
  readonly #loop = new LoopWatch();
  readonly #questions = new OpenQuestions<keyof Questions>((question) => this.#post(question));
  readonly #traceparents: Traceparents;
  readonly #parts: FlatParts;
  #worker: Worker | undefined;
  readonly #batch = new EventWriter();
  #sent = 0;
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;
  #sources: DeliverySources | undefined;
  #ledger: LedgerSource | undefined;
  #studies: readonly RememberedStudy[] = [];
  #isEnding = false;
  #pauseMs = firstPauseMs;
  #restart: NodeJS.Timeout | undefined;
  readonly #watch: NodeJS.Timeout;
  #seenCome = 0;
  #looksWithout = 0;

  constructor(options: TelemetryThreadOptions) {
    this.#options = options;
    this.#traceparents = new Traceparents(options.siteKey);
    this.#parts = { isWhole: false, hasIdentifiers: options.config.telemetry.identifiers.length > 0 };
    this.#watch = setInterval(() => this.#look(), (options.stuckAfterMs ?? 60_000) / looksUntilStuck).unref();
    this.#start();
  }

  readonly publish = (event: TelemetryEvent): void => {
    try {
      const limit = isPerInstance(event) ? maxOnTheirWay : maxOnTheirWayInAll;
      if (this.#worker === undefined || this.#onTheirWay >= limit) {
        this.#lost += 1;
        return;
      }
      this.#batch.add(event, this.#parts);
      if (this.#batch.count >= maxBatchEvents) this.#send();
      else this.#timer ??= setTimeout(() => this.#send(), gatherMs).unref();
    } catch {
      this.#lost += 1;
    }
  };

  readonly traceparent = (studyInstanceUid: string | undefined): string | undefined => this.#traceparents.make(studyInstanceUid);

  observeDelivery(sources: DeliverySources): void {
    this.#sources = sources;
    this.#post({ kind: 'sources', of: 'delivery' });
  }

  observeLedger(source: LedgerSource): void {
    this.#ledger = source;
    this.#post({ kind: 'sources', of: 'ledger' });
  }

  rememberStudies(studies: readonly RememberedStudy[]): void {
    this.#studies = studies;
    this.#post({ kind: 'studies', studies });
    for (const { studyInstanceUid, generation } of studies) if (generation > 0) this.#traceparents.rolledOver(studyInstanceUid, generation);
  }

  /** The ledger in this thread too; it ends with it. */
  readonly integrityThread = (data: ThreadData): IntegrityThread => {
    const worker = this.#worker;
    if (worker === undefined) throw new Error('the thread of telemetry has ended');
    const { port1: near, port2: far } = new MessageChannel();
    worker.postMessage({ kind: 'integrity', port: far, data } satisfies ToThread, [far]);
    near.unref();
    return new PortOfThread(near, worker);
  };

  async stats(): ReturnType<RunningTelemetry['stats']> {
    this.#send();
    return (await this.#questions.ask('stats')) as Awaited<ReturnType<RunningTelemetry['stats']>>;
  }

  async metricsText(): Promise<string | undefined> {
    this.#send();
    return (await this.#questions.ask('metricsText')) as string | undefined;
  }

  async flush(): Promise<void> {
    this.#send();
    await this.#questions.ask('flush');
  }

  async shutdown(): Promise<void> {
    this.#send();
    this.#isEnding = true;
    clearTimeout(this.#restart);
    clearInterval(this.#watch);
    const ended = new AbortController();
    const limit = sleep(shutdownMs, undefined, { signal: ended.signal }).catch(() => {});
    await Promise.race([this.#questions.ask('shutdown'), limit]);
    ended.abort();
    await this.#worker?.terminate();
    this.#loop.end();
  }

  /** In the batch, and sent and not come. */
  get #onTheirWay(): number {
    return this.#batch.count + ((this.#sent - Atomics.load(this.#come, 0)) | 0);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#worker === undefined || (this.#batch.count === 0 && this.#lost === 0)) return;
    const events = this.#batch.take();
    const lost = this.#lost;
    this.#lost = 0;
    try {
      this.#worker.postMessage({ kind: 'events', events, lost } satisfies ToThread, [events.bytes.buffer]);
      this.#sent = (this.#sent + events.count) | 0;
    } catch {
      this.#lost = lost + events.count;
    }
  }

  /** Never throws. Where there is no thread there is no answer either. */
  #post(message: ToThread): void {
    if (this.#worker === undefined) {
      this.#questions.drop();
      return;
    }
    try {
      this.#worker.postMessage(message);
    } catch (error) {
      this.#options.logger.error({ err: error }, 'telemetry could not be told something; images are not affected');
    }
  }

  /** Never throws: a system that has no thread left relays all the same. */
  #start(): void {
    let worker: Worker;
    try {
      worker = this.#newWorker();
    } catch (error) {
      this.#failed(error);
      this.#startLater();
      return;
    }
    this.#worker = worker;
    worker.on('message', (message: FromThread) => this.#received(message));
    worker.on('error', (error) => this.#failed(error));
    worker.on('exit', () => this.#ended(worker));
    if (this.#sources !== undefined) this.#post({ kind: 'sources', of: 'delivery' });
    if (this.#ledger !== undefined) this.#post({ kind: 'sources', of: 'ledger' });
    if (this.#studies.length > 0) this.#post({ kind: 'studies', studies: this.#studies });
  }

  #newWorker(): Worker {
    const { config, version, siteKey, lines, program } = this.#options;
    const isSource = import.meta.url.endsWith('.ts');
    const start: ThreadStart = { config, version, siteKey, logLevel: lines.level, come: this.#come };
    return new Worker(program ?? new URL(`./thread${isSource ? '.ts' : '.js'}`, import.meta.url), {
      name: 'telemetry',
      workerData: start,
      resourceLimits,
      execArgv: isSource ? ['--conditions=@radiotracer/source'] : [],
    });
  }

  #failed(error: unknown): void {
    this.#options.logger.error({ err: error }, 'telemetry failed; images are not affected');
  }

  #received(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        this.#pauseMs = firstPauseMs;
        this.#traceparents.sample(message.sampling);
        return;
      case 'lines':
        this.#options.lines.write(message.lines);
        return;
      case 'rolled-over':
        this.#traceparents.rolledOver(message.studyInstanceUid, message.generation);
        return;
      case 'answer':
        this.#questions.answered(message);
        return;
      case 'asked': {
        const { number, what } = message;
        const answer = (value: unknown) => this.#post({ kind: 'answer', number, value });
        this.#answer(what).then(answer, () => answer(undefined));
      }
    }
  }

  async #answer(what: keyof Sources): Promise<unknown> {
    if (what === 'loopDelay') return this.#loop.look();
    return what === 'ledger' ? await this.#ledger?.ledger() : await this.#sources?.[what]();
  }

  /** One that hangs neither fails nor ends: without this it would be silent for good. */
  #look(): void {
    const come = Atomics.load(this.#come, 0);
    const isStanding = this.#worker !== undefined && come === this.#seenCome && come !== this.#sent;
    this.#seenCome = come;
    this.#looksWithout = isStanding ? this.#looksWithout + 1 : 0;
    if (this.#looksWithout < looksUntilStuck) return;
    this.#looksWithout = 0;
    this.#options.logger.error({ 'error.type': 'stuck' }, 'telemetry hangs and is begun again; images are not affected');
    void this.#worker?.terminate();
  }

  /** What was on its way is lost; a while later another thread goes on. */
  #ended(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#lost += this.#onTheirWay;
    this.#batch.take();
    this.#sent = 0;
    Atomics.store(this.#come, 0, 0);
    this.#questions.drop();
    if (!this.#isEnding) this.#startLater();
  }

  #startLater(): void {
    this.#restart = setTimeout(() => this.#start(), this.#pauseMs).unref();
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
  }
}
