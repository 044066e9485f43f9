/** What keeps a start from having its spool, or what lies beside it. Nothing is made. */
import { access, constants } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import type { Config } from '@radiotracer/config';
import { type Queue, QueueUnavailable } from '@radiotracer/queue';
import { isSpoolOwned, whyNotOpen } from '@radiotracer/spool';
import { type Obstacle, obstacleOf } from '../obstacles/obstacle.ts';
import { loadSiteKey } from '../telemetry/index.ts';
import { type KeptText, keptText } from './kept-text.ts';
import { openQueue } from './open-queue.ts';
import { loadOwnerId } from './owner-id.ts';
import { spoolFolder } from './spool-folder.ts';

/** Whether a live process has the spool of this configuration; undefined: that cannot be seen by this user, or from this folder. */
export async function hasOwner(config: Pick<Config, 'spool'>): Promise<boolean | undefined> {
  const isOwned = await isSpoolOwned(spoolFolder(config).dir);
  // From another folder it is another spool.
  return isOwned === false && !isAbsolute(config.spool.dir) ? undefined : isOwned;
}

export async function spoolObstacles(config: Config): Promise<readonly Obstacle[]> {
  const { dir, siteKey, ownerId } = spoolFolder(config);
  const error = await whyNotOpen(dir);
  if (error !== undefined) return [{ kind: 'start', error }];
  return [
    ...(await obstacleOf(() => loadSiteKey(config.telemetry.siteKey, onlyLookedAt(keptText(siteKey))))),
    ...(await obstacleOf(() => loadOwnerId(onlyLookedAt(keptText(ownerId))))),
  ];
}

export async function scheduleObstacles(config: Config): Promise<readonly Obstacle[]> {
  try {
    if (config.queue.redis === undefined && !(await mayWriteDatabase(spoolFolder(config).queue))) return [];
    const queue = await openQueue(config, 'refuse');
    try {
      await queue.counts();
      return obstaclesIn(await queue.inspect());
    } finally {
      await queue.close();
    }
  } catch (error) {
    // A start moves it aside, and builds another from the spool.
    if (error instanceof QueueUnavailable && error.code === 'corrupt') return [];
    return [{ kind: 'schedule', error }];
  }
}

function obstaclesIn({ available, refuses, evicts, error }: Awaited<ReturnType<Queue['inspect']>>): readonly Obstacle[] {
  if (!available || refuses === 'all') return [{ kind: 'schedule', error: new Error(error) }];
  return [
    ...(refuses === 'new' ? [{ kind: 'schedule-full', error: new Error(error) } as const] : []),
    ...(evicts === undefined ? [] : [{ kind: 'schedule-evicts', error: new Error(`maxmemory-policy ${evicts}`) } as const]),
  ];
}

export async function ledgerObstacles(config: Config): Promise<readonly Obstacle[]> {
  const { integrity, queue } = config;
  if (!integrity.enabled || queue.redis !== undefined) return [];
  return await obstacleOf(() => mayWriteDatabase(spoolFolder(config).ledger), 'ledger');
}

/** Of a new one nothing is kept, if it could be. */
function onlyLookedAt(text: KeptText): KeptText {
  return {
    ...text,
    keep: async (drawn) => {
      await isThere(dirname(text.path), constants.W_OK | constants.X_OK);
      return drawn;
    },
  };
}

/** With what SQLite keeps beside it. False: there is none. */
async function mayWriteDatabase(path: string): Promise<boolean> {
  for (const beside of ['-wal', '-shm']) await isThere(path + beside, constants.R_OK | constants.W_OK);
  return await isThere(path, constants.R_OK | constants.W_OK);
}

/** Rejects where it is, and this may not be done to it. */
async function isThere(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
