import { Worker } from 'node:worker_threads';
import type { DataSetReader, PlainDataSet } from './plain-data-set.ts';

/** A data set that takes longer is given up, and the thread with it. */
const patienceMs = 10_000;
/** More wait nowhere: they count as unreadable. */
const maxWaiting = 256;

interface Waiting {
  readonly id: number;
  readonly settle: (dataSet: PlainDataSet | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Reads in a thread of its own: dcmjs takes tens of milliseconds for a long one, and may take for ever for a hostile one; images pass through
 * this one meanwhile. Started by the first data set.
 */
export class ThreadReader implements DataSetReader {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #count = 0;
  #closed = false;

  read(bytes: Uint8Array, transferSyntaxUid: string): Promise<PlainDataSet | undefined> {
    if (this.#closed || this.#waiting.size >= maxWaiting) return Promise.resolve(undefined);
    this.#count += 1;
    const id = this.#count;
    return new Promise((settle) => {
      const timer = setTimeout(() => this.#lost(), patienceMs);
      timer.unref();
      this.#waiting.set(id, { id, settle, timer });
      this.#worker ??= this.#start();
      this.#worker.postMessage({ id, bytes, transferSyntaxUid });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#lost();
  }

  #start(): Worker {
    const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const worker = new Worker(new URL(`./reading-thread${extension}`, import.meta.url));
    worker.unref();
    worker.on('message', ({ id, dataSet }: { id: number; dataSet: PlainDataSet | undefined }) => this.#settle(id, dataSet));
    worker.on('error', () => this.#lost());
    return worker;
  }

  #settle(id: number, dataSet: PlainDataSet | undefined): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting.settle(dataSet);
  }

  /** Whatever waits is given up; the next one gets a new thread. */
  #lost(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    worker?.removeAllListeners();
    void worker?.terminate();
    for (const id of [...this.#waiting.keys()]) this.#settle(id, undefined);
  }
}
