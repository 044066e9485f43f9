import { randomUUID } from 'node:crypto';
import { DatabaseFile, type DatabaseFileOptions } from '@radiotracer/sqlite';
import type { QueueLimits } from '../limits.ts';
import type { Queue } from '../queue.ts';
import { QueueUnavailable } from '../queue-error.ts';
import { StoredQueue } from '../stored-queue.ts';
import { keepReserve, makeReserve, roomForReserve } from './reserve.ts';
import { migrate } from './schema.ts';
import { SqliteHome } from './sqlite-home.ts';

/** Where a file is moved aside, the spool fills the empty one. It is the command line beside a running proxy that refuses. */
export interface SqliteQueueOptions extends Omit<DatabaseFileOptions, 'readOnly'> {
  /**
   * Room of its own on the volume (reserve.ts), twice as much as this: what is there can then be delivered from a volume that is full. For
   * the one process that owns the spool. Where that is not enough, or was never made, the schedule is kept in this process until there is room for it;
   * a rebuild fills it. 0: none. Default 0.
   */
  readonly reserveBytes?: number;
}

const cacheKib = 16 * 1024;
/** The reserve is looked at after so many. */
const writesPerLook = 256;

/**
 * The embedded home. Returns at once, whatever the file is like; the first call opens it.
 *
 * That a power cut can lose its last commits is no harm: the spool, which is synced, is the truth. A lost `add` comes back by the rebuild at
 * start; a lost `settle` means an entry whose file is gone, which the same rebuild drops.
 */
export function openSqliteQueue(options: SqliteQueueOptions, limits: Partial<QueueLimits> = {}): Queue {
  const { path, reserveBytes = 0, now = Date.now } = options;
  let writes = 0;
  const file = new DatabaseFile(options, {
    cacheKib,
    bringUp: (database) => migrate(database, now(), randomUUID()),
    unavailable: (fault, message, cause) => new QueueUnavailable(fault, `the queue's database: ${message}`, cause),
    standInBelowBytes: reserveBytes > 0 ? roomForReserve(reserveBytes) : undefined,
    resumed: (database) => void database.prepare("UPDATE home SET value = ? WHERE name = 'generation'").run(randomUUID()),
    opened: (database) => makeReserve(database, path, reserveBytes),
    // New entries take free pages.
    written: (database) => {
      writes += 1;
      if (writes % writesPerLook === 0) keepReserve(database, path, reserveBytes);
    },
  });
  return new StoredQueue(new SqliteHome(file), limits);
}
