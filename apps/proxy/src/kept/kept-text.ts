import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A short text that is made once and stays: a key, an id. */
export interface KeptText {
  /** Where it is, for error messages. */
  readonly path: string;
  /** Undefined: there is none yet. */
  read(): Promise<string | undefined>;
  /** Keeps the text, unless another process was first. Returns the one that is kept. */
  keep(text: string): Promise<string>;
}

/** One file, readable by its owner only (0600). It appears whole or not at all, and is never overwritten. */
export function keptText(path: string): KeptText {
  const read = async (): Promise<string | undefined> => {
    try {
      const text = await readFile(path, 'utf8');
      // One that was copied without its mode. A volume that has become read-only is no reason not to be told what is on it.
      await chmod(path, 0o600).catch(unlessReadOnly);
      return text.trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };
  return {
    path,
    read,
    keep: async (text) => {
      // On a read-only file system `recursive` fails with ENOENT, which is not why.
      await mkdir(dirname(path), { recursive: true }).catch(() => mkdir(dirname(path)));
      const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
      try {
        const file = await open(temporary, 'wx', 0o600);
        try {
          await file.writeFile(`${text}\n`);
          await file.datasync();
        } finally {
          await file.close();
        }
        // Unlike a rename, a link fails where the name is taken.
        await link(temporary, path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      } finally {
        await rm(temporary, { force: true });
      }
      return (await read()) ?? text;
    },
  };
}

function unlessReadOnly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EROFS') throw error;
}
