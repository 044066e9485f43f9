import type { Config } from '@radiotracer/config';
import { openSqliteQueue, type Queue } from '@radiotracer/queue';
import { spoolFolder } from './spool-folder.ts';

/**
 * The schedule that the configuration names, whatever it is like: calls say so. `onCorrupt`: see SqliteQueueOptions; only
 * the process that owns the spool may move a broken database aside.
 */
export async function openQueue(config: Pick<Config, 'queue' | 'spool'>, onCorrupt: 'move-aside' | 'refuse'): Promise<Queue> {
  const { redis, keyPrefix } = config.queue;
  if (redis === undefined) return openSqliteQueue({ path: spoolFolder(config).queue, onCorrupt });
  const { openRedisQueue, redisServerOf } = await import('@radiotracer/queue/redis');
  return openRedisQueue({ server: redisServerOf(redis), prefix: keyPrefix });
}
