import { open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Of folders that are not ours, and of volumes that know no such thing for folders. */
const passed: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM', 'EINVAL', 'EROFS']);

/** Resolves when the names in the folder, and its own, are on the disk. Up to the root, for the folders above it may be as new. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    if (!passed.has((error as NodeJS.ErrnoException).code)) throw error;
  }
  if (dirname(path) !== path) await syncFolder(dirname(path));
}
