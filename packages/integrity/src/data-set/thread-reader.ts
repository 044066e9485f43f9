import { Worker } from 'node:worker_threads';
import type { DataSetReader, PlainDataSet } from './plain-data-set.ts';

/** A data set that takes longer is given up, and the thread with it. One of 9,000 images takes 0.15 s. */
const patienceMs = 2000;
/** A thread begins in 0.15 s too, where nothing else is done; what waits for it is not hostile for that. */
const startPatienceMs = 10_000;
/** Nor is a turn waited for longer than that, where many hostile ones come: the events that came with it are not written until then. */
const longestWaitMs = 10_000;
/** More wait nowhere: they count as unreadable. */
const maxWaiting = 256;

interface Waiting {
  readonly bytes: Uint8Array;
  readonly transferSyntaxUid: string;
  readonly since: number;
  readonly settle: (dataSet: PlainDataSet | undefined) => void;
}

/**
 * Reads in a thread of its own: dcmjs takes tens of milliseconds for a long one, and may take for ever for a hostile one; images pass through
 * this one meanwhile. One at a time, so that a hostile one costs the others its patience and no more. Started by the first data set.
 */
export class ThreadReader implements DataSetReader {
  /** The first is being read. */
  readonly #waiting: Waiting[] = [];
  #worker: Worker | undefined;
  #isReady = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  read(bytes: Uint8Array, transferSyntaxUid: string): Promise<PlainDataSet | undefined> {
    if (this.#closed || this.#waiting.length >= maxWaiting) return Promise.resolve(undefined);
    return new Promise((settle) => {
      this.#waiting.push({ bytes, transferSyntaxUid, since: performance.now(), settle });
      if (this.#waiting.length === 1) this.#post();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { settle } of this.#waiting.splice(0)) settle(undefined);
    this.#end();
  }

  #post(): void {
    const tooOld = performance.now() - longestWaitMs;
    while ((this.#waiting[0]?.since ?? tooOld) < tooOld) this.#waiting.shift()?.settle(undefined);
    const [first] = this.#waiting;
    if (first === undefined) return;
    this.#worker ??= this.#start();
    this.#timer = setTimeout(() => this.#lost(), this.#isReady ? patienceMs : startPatienceMs).unref();
    if (this.#isReady) this.#worker.postMessage({ bytes: first.bytes, transferSyntaxUid: first.transferSyntaxUid });
  }

  #start(): Worker {
    const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const worker = new Worker(new URL(`./reading-thread${extension}`, import.meta.url));
    worker.unref();
    worker.on('message', (message: 'ready' | PlainDataSet | undefined) => {
      if (message === 'ready') this.#ready();
      else this.#settle(message);
    });
    worker.on('error', () => this.#lost());
    return worker;
  }

  #ready(): void {
    this.#isReady = true;
    clearTimeout(this.#timer);
    this.#post();
  }

  #settle(dataSet: PlainDataSet | undefined): void {
    clearTimeout(this.#timer);
    this.#waiting.shift()?.settle(dataSet);
    this.#post();
  }

  /** What was being read is given up; the next one gets a new thread. */
  #lost(): void {
    this.#end();
    this.#settle(undefined);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#worker?.removeAllListeners();
    void this.#worker?.terminate();
    this.#worker = undefined;
    this.#isReady = false;
  }
}
