import { spoolErrorOf, systemCode } from './spool-error.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';

/** One that went well is good for this long, and one that failed for that: whoever waits for the volume to come back asks often. */
const goodForMs = 4_000;
const badForMs = 1_000;
/** A byte that is not synced by then, however often somebody came to see: the volume hangs. A clock that leaps ahead is no time that it had. */
const patienceMs = 10_000;
const patienceCalls = 2;

/**
 * Whether the volume takes a byte and keeps it. Free space does not say so: after an I/O error it is mounted for reading alone, a quota is used up, a
 * server of files does not answer. Without it the first to find out would be the first instance that must be kept.
 */
export class VolumeTrial {
  readonly #fileSystem: SpoolFileSystem;
  readonly #path: string;
  readonly #now: () => number;
  #failure: string | undefined;
  #beganMs = 0;
  /** Since it began. */
  #calls = 0;
  #running: Promise<void> | undefined;
  #endedMs: number | undefined;

  /** `path`: of a file that is made and removed. */
  constructor(fileSystem: SpoolFileSystem, path: string, now: () => number) {
    this.#fileSystem = fileSystem;
    this.#path = path;
    this.#now = now;
  }

  /** Why it does not, as far as is known now; undefined: it does. */
  get failure(): string | undefined {
    const ms = this.#now() - this.#beganMs;
    if (this.#running === undefined || ms < patienceMs || this.#calls < patienceCalls) return this.#failure;
    return `${this.#path}: a byte that was to be written ${Math.floor(ms / 1000)} s ago is not synced yet. Look at the disk and at the system log`;
  }

  /** Tries if the last trial is old. Resolves when the one under way has ended, which a volume that hangs does not do. Never rejects. */
  ifDue(): Promise<void> {
    const goodMs = this.#failure === undefined ? goodForMs : badForMs;
    // Not `<`: the clock may have stepped back.
    const isFresh = this.#endedMs !== undefined && Math.abs(this.#now() - this.#endedMs) < goodMs;
    if (this.#running === undefined && isFresh) return Promise.resolve();
    this.#calls++;
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    this.#beganMs = this.#now();
    this.#calls = 0;
    try {
      await this.#try();
      this.#failure = undefined;
    } catch (error) {
      this.#failure = spoolErrorOf(error, 'try', this.#path).message;
    }
    this.#endedMs = this.#now();
    this.#running = undefined;
  }

  async #try(): Promise<void> {
    const file = await this.#fileSystem.create(this.#path).catch(async (error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
      // Of a run that was killed in the middle of it.
      await this.#fileSystem.unlink(this.#path);
      return await this.#fileSystem.create(this.#path);
    });
    try {
      await file.write(Uint8Array.of(0), 0);
      await file.datasync();
    } finally {
      await file.close();
      await this.#fileSystem.unlink(this.#path);
    }
  }
}
