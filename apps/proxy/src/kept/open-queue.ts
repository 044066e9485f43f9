import type { Config } from '@radiotracer/config';
import { openSqliteQueue, type Queue } from '@radiotracer/queue';
import { spoolFolder } from './spool-folder.ts';

/** As long as SQLite's -wal gets, 1,000 pages, and one large transaction more. */
const reserveBytes = 5 * 1024 * 1024;

/**
 * The schedule that the configuration names, whatever it is like: calls say so. `onCorrupt`: see SqliteQueueOptions; only
 * the process that owns the spool may move a broken database aside.
 */
export async function openQueue(config: Pick<Config, 'queue' | 'spool'>, onCorrupt: 'move-aside' | 'refuse'): Promise<Queue> {
  const { redis, keyPrefix } = config.queue;
  if (redis === undefined) {
    const isOwner = onCorrupt === 'move-aside';
    return openSqliteQueue({ path: spoolFolder(config).queue, onCorrupt, reserveBytes: isOwner ? reserveBytes : 0 });
  }
  const { openRedisQueue, redisServerOf } = await import('@radiotracer/queue/redis');
  return openRedisQueue({ server: redisServerOf(redis), prefix: keyPrefix });
}
