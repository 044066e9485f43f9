import type { Config } from '@radiotracer/config';
import { type LedgerHome, RedisHome, SqliteHome } from '@radiotracer/integrity';
import { spoolFolder } from './spool-folder.ts';

/** How long the first calls may wait for the first connection. */
const connectWaitMs = 1_000;
const commandTimeoutMs = 2_000;

/**
 * The home of the ledger that the configuration names, whatever it is like: calls say so. `move-aside` (a broken database): only for the
 * process that owns the spool; others open it `read-only`, or `refuse` a broken one.
 */
export async function openLedgerHome(
  config: Pick<Config, 'queue' | 'spool'>,
  use: 'move-aside' | 'refuse' | 'read-only',
): Promise<LedgerHome> {
  const { redis, keyPrefix } = config.queue;
  if (redis === undefined) {
    const onCorrupt = use === 'move-aside' ? use : 'refuse';
    return new SqliteHome({ path: spoolFolder(config).ledger, onCorrupt, readOnly: use === 'read-only' });
  }
  const { connectRedis, redisServerOf } = await import('@radiotracer/queue/redis');
  const client = connectRedis(redisServerOf(redis), commandTimeoutMs);
  const home = new RedisHome({ client, prefix: `${keyPrefix}:ledger`, commandTimeoutMs });
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, connectWaitMs);
    for (const event of ['ready', 'end'])
      client.once(event, () => {
        clearTimeout(timer);
        resolve();
      });
  });
  return home;
}
