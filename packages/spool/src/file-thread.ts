import { Worker } from 'node:worker_threads';
import type { FileStart } from './spool-file-system.ts';

export interface FileJob {
  readonly number: number;
  readonly what: 'readStart' | 'unlink';
  readonly path: string;
  /** Shared memory, for `readStart`. */
  readonly into?: Uint8Array;
}

export interface FileAnswer {
  readonly number: number;
  readonly start?: FileStart;
  readonly error?: { readonly message: string; readonly code: string };
}

interface Waiting {
  resolve(answer: FileAnswer): void;
  reject(error: Error): void;
}

/** It holds no data but what it was given. */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 };
/** A removal waits so long for others to go with, or until there are so many. */
const removalMs = 3;
const maxRemovals = 32;
/** Without work; then its memory (some 20 MB) is given back. */
const idleMs = 10_000;

/**
 * A thread that works on files while this one goes on. A call of Node's own for each open, read, close and unlink costs this thread more,
 * by the waking of another, than the system call; here many go together, and a digest is none of our work. Started when first needed; it
 * keeps no process alive, and ends when there is nothing to do.
 */
export class FileThread {
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #number = 0;
  #isSoon = false;
  #later: NodeJS.Timeout | undefined;
  #jobs: FileJob[] = [];
  readonly #waiting = new Map<number, Waiting>();

  /** A single call is not worth the start of a thread. */
  get isThere(): boolean {
    return this.#worker !== undefined;
  }

  async readStart(path: string, into: Uint8Array): Promise<FileStart> {
    const { start } = await this.#do({ what: 'readStart', path, into });
    if (start === undefined) throw new Error('no answer to what was asked');
    return start;
  }

  async unlink(path: string): Promise<void> {
    await this.#do({ what: 'unlink', path });
  }

  #do(job: Omit<FileJob, 'number'>): Promise<FileAnswer> {
    const number = ++this.#number;
    this.#jobs.push({ number, ...job });
    // What is asked in one turn goes together; for a removal nobody waits, it goes with the next.
    if (job.what !== 'unlink' || this.#jobs.length >= maxRemovals) this.#soon();
    else this.#later ??= setTimeout(() => this.#send(), removalMs);
    return new Promise((resolve, reject) => this.#waiting.set(number, { resolve, reject }));
  }

  #soon(): void {
    if (this.#isSoon) return;
    this.#isSoon = true;
    process.nextTick(() => this.#send());
  }

  #send(): void {
    clearTimeout(this.#later);
    this.#later = undefined;
    this.#isSoon = false;
    const jobs = this.#jobs;
    this.#jobs = [];
    if (jobs.length === 0) return;
    try {
      this.#worker ??= this.#start();
      this.#worker.ref();
      this.#worker.postMessage(jobs);
    } catch (error) {
      this.#failed(this.#worker, error);
    }
  }

  #start(): Worker {
    const file = import.meta.url.endsWith('.ts') ? './file-thread-worker.ts' : './file-thread-worker.js';
    const worker = new Worker(new URL(file, import.meta.url), { name: 'spool files', resourceLimits });
    worker.on('message', (answers: readonly FileAnswer[]) => this.#answered(answers));
    worker.on('error', (error) => this.#failed(worker, error));
    worker.on('exit', () => this.#failed(worker, new Error('it ended')));
    return worker;
  }

  #answered(answers: readonly FileAnswer[]): void {
    for (const answer of answers) {
      const waiting = this.#waiting.get(answer.number);
      this.#waiting.delete(answer.number);
      const { error } = answer;
      if (error === undefined) waiting?.resolve(answer);
      else waiting?.reject(Object.assign(new Error(error.message), { code: error.code }));
    }
    if (this.#waiting.size > 0) return;
    this.#worker?.unref();
    this.#idle ??= setTimeout(() => this.#end(), idleMs).unref();
    this.#idle.refresh();
  }

  #end(): void {
    this.#idle = undefined;
    if (this.#waiting.size > 0) return;
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }

  /** Whether what was under way was done nobody knows; the next call starts another. */
  #failed(worker: Worker | undefined, cause: unknown): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    void worker?.terminate();
    const error = Object.assign(new Error('the thread for files failed', { cause }), { code: 'EIO' });
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
