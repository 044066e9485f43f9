import type { Config } from '@radiotracer/config';
import { openRedisQueue, openSqliteQueue, type Queue, redisServerOf } from '@radiotracer/queue';
import { spoolFolder } from './spool-folder.ts';

/**
 * The schedule that the configuration names. Returns at once, whatever it is like: calls say so. `onCorrupt`: see SqliteQueueOptions; only
 * the process that owns the spool may move a broken database aside.
 */
export function openQueue(config: Pick<Config, 'queue' | 'spool'>, onCorrupt: 'move-aside' | 'refuse'): Queue {
  const { redis, keyPrefix } = config.queue;
  if (redis === undefined) return openSqliteQueue({ path: spoolFolder(config).queue, onCorrupt });
  return openRedisQueue({ server: redisServerOf(redis), prefix: keyPrefix });
}
