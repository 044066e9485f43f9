import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Where a generated key is kept. */
export interface SiteKeyStore {
  /** Undefined: there is none yet. */
  read(): Promise<string | undefined>;
  /** Keeps the key, unless another process was first. Returns the key that is kept. */
  keep(key: string): Promise<string>;
}

/** The stored key is too short to be one; `code` is `site-key-unusable`. Nothing was changed. */
class SiteKeyError extends Error {
  override readonly name = 'SiteKeyError';
  readonly code = 'site-key-unusable';
}

const minKeyLength = 16;

/**
 * The secret that trace ids and pseudonyms are derived with: the configured one, or one that is generated once and kept, so that a
 * study stays in its trace over restarts. Nodes of one site need the same, and so a configured one.
 */
export async function loadSiteKey(configured: string | undefined, store: SiteKeyStore): Promise<Uint8Array> {
  const key = configured ?? (await store.read()) ?? (await store.keep(randomBytes(32).toString('hex')));
  // A new key in place of a damaged one would break every trace in two without a word.
  if (key.length < minKeyLength) throw new SiteKeyError(`the site key has ${key.length} characters, at least ${minKeyLength} are needed`);
  return Buffer.from(key, 'utf8');
}

/** One file, readable by its owner only (0600). It appears whole or not at all, and is never overwritten. */
export function fileSiteKeyStore(path: string): SiteKeyStore {
  const read = async (): Promise<string | undefined> => {
    try {
      const text = await readFile(path, 'utf8');
      await chmod(path, 0o600);
      return text.trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };
  return {
    read,
    keep: async (key) => {
      await mkdir(dirname(path), { recursive: true });
      const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
      try {
        const file = await open(temporary, 'wx', 0o600);
        try {
          await file.writeFile(`${key}\n`);
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
      return (await read()) ?? key;
    },
  };
}
