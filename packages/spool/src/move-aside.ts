import { type Layout, whySuffix } from './layout.ts';
import { systemCode } from './spool-error.ts';
import { type SpoolFileSystem, writeFully } from './spool-file-system.ts';

/**
 * Renames a file into `damaged`, under its own name or, if that is taken, with `~2`, `~3`… behind it, and writes the reason beside it. The
 * caller syncs `damaged`: until then the file is in the one place or in the other.
 * @returns where it is now
 */
export async function moveAside(fileSystem: SpoolFileSystem, layout: Layout, from: string, why: string): Promise<string> {
  const name = from.slice(from.lastIndexOf('/') + 1);
  let to = `${layout.damaged}/${name}`;
  for (let count = 2; await isThere(fileSystem, to); count++) to = `${layout.damaged}/${name}~${count}`;
  await fileSystem.rename(from, to);
  try {
    const file = await fileSystem.create(`${to}${whySuffix}`);
    try {
      await writeFully(file, Buffer.from(`${why}\n`), 0);
    } finally {
      await file.close();
    }
  } catch {
    // A courtesy to who looks at it later; on a full disk the file itself matters.
  }
  return to;
}

async function isThere(fileSystem: SpoolFileSystem, path: string): Promise<boolean> {
  try {
    await fileSystem.stat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
