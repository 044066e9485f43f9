/** What the volume of a spool is not good for, before anything is kept on it. */
import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '@radiotracer/config';
import type { Obstacle } from '../obstacles/obstacle.ts';
import { spoolFolder } from './spool-folder.ts';

/** Linux, statfs(2): what lies there is gone when the machine starts anew. */
const inMemory: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);

export async function volumeObstacles(config: Pick<Config, 'spool'>): Promise<readonly Obstacle[]> {
  const { dir } = spoolFolder(config);
  const { minFreeBytes } = config.spool;
  const volume = await volumeOf(dir).catch(() => undefined);
  // What keeps it from being looked at keeps a start from it, too, and is told so.
  if (volume === undefined) return [];
  const { type, bavail, bsize } = volume;
  const kind = inMemory.get(type);
  const freeBytes = bavail * bsize;
  const found: Obstacle[] = [];
  if (kind !== undefined) found.push({ kind: 'spool-volatile', error: new Error(`${dir} is in memory (${kind})`) });
  if (freeBytes < minFreeBytes)
    found.push({
      kind: 'spool-full',
      error: new Error(`${freeBytes} bytes are free on the volume of ${dir}, and ${minFreeBytes} are kept free (spool.minFreeBytes)`),
    });
  return found;
}

/** Of the folder, or of the nearest above it that is there. */
async function volumeOf(dir: string): Promise<StatsFs> {
  try {
    return await statfs(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(dir) === dir) throw error;
    return await volumeOf(dirname(dir));
  }
}
