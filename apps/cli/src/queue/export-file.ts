import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenInstance } from '@radiotracer/spool';

/**
 * Copies the file of an instance as it is, under its id. It has its name only when all bytes are there, are those that were received, and
 * are on the disk.
 * @returns its name in the folder
 * @throws SpoolError `digest-mismatch`, `damaged`, `io`…; the system's error
 */
export async function exportFile(instance: OpenInstance, folder: string): Promise<string> {
  const name = `${instance.id}.dcm`;
  const part = join(folder, `${name}.part`);
  const file = await open(part, 'wx', 0o600);
  try {
    for await (const piece of instance.wholeFile()) await file.writeFile(piece);
    await file.datasync();
    await file.close();
    await rename(part, join(folder, name));
    return name;
  } catch (error) {
    await file.close().catch(() => {});
    await rm(part, { force: true });
    throw error;
  }
}
