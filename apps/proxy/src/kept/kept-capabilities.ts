import { open, readFile, rename, rm } from 'node:fs/promises';
import type { Config } from '@radiotracer/config';
import type { LearnedCapabilities } from '@radiotracer/relay';
import * as z from 'zod';
import { spoolFolder } from './spool-folder.ts';

/** What the proxy of this configuration has learned so far, while it runs or not. Rejects when it cannot be read. */
export async function readCapabilities(config: Pick<Config, 'spool'>): Promise<LearnedCapabilities> {
  let failure: unknown;
  const kept = new KeptCapabilities(spoolFolder(config).capabilities, (error) => {
    failure = error;
  });
  const learned = await kept.read();
  if (failure !== undefined) throw failure;
  return learned;
}

const uid = z.string().max(128);
const shape = z.record(z.string(), z.record(uid, z.record(uid, z.boolean())));

/** What destinations were seen to accept, in a file; it appears whole or not at all. */
export class KeptCapabilities {
  readonly #path: string;
  readonly #failed: (error: unknown) => void;
  #writing: Promise<void> = Promise.resolve();
  #wanted: (() => LearnedCapabilities) | undefined;

  /** `failed`: told when it could not be read or written; what was learned then lasts as long as this process. */
  constructor(path: string, failed: (error: unknown) => void) {
    this.#path = path;
    this.#failed = failed;
  }

  /** Empty when there is none, or none that can be used: it is learned anew. */
  async read(): Promise<LearnedCapabilities> {
    try {
      return shape.parse(JSON.parse(await readFile(this.#path, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#failed(unusable(this.#path, error));
      return {};
    }
  }

  /** Writes soon; calls while it writes are one more writing, of what is known then. */
  keep(learned: () => LearnedCapabilities): void {
    const isWriting = this.#wanted !== undefined;
    this.#wanted = learned;
    if (!isWriting) this.#writing = this.#writing.then(() => this.#write());
  }

  /** Resolves when nothing is to be written any more. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    const learned = this.#wanted;
    this.#wanted = undefined;
    if (learned === undefined) return;
    const temporary = `${this.#path}.new`;
    try {
      const file = await open(temporary, 'w', 0o644);
      try {
        await file.writeFile(`${JSON.stringify(learned(), undefined, 1)}\n`);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.#path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      this.#failed(error);
    }
  }
}

/** One line, whatever was found there. */
function unusable(path: string, error: unknown): Error {
  const what =
    error instanceof z.ZodError
      ? 'not what was kept there'
      : error instanceof Error
        ? error.message.replaceAll(/\s+/g, ' ')
        : String(error);
  return Object.assign(new Error(`${path} cannot be used (${what})`, { cause: error }), { code: 'capabilities-unusable' });
}
