import { mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const neededBytes = 2e9;

/** A new folder, in memory where there is enough of it, so that no disk is measured. Whoever asks removes it. */
export async function roomyFolder(): Promise<string> {
  const isRoomy = await statfs('/dev/shm').then(
    ({ bavail, bsize }) => bavail * bsize > neededBytes,
    () => false,
  );
  return await mkdtemp(join(isRoomy ? '/dev/shm' : tmpdir(), 'radiotracer-bench-'));
}
