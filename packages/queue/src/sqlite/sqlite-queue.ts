import type { QueueLimits } from '../limits.ts';
import type { Queue } from '../queue.ts';
import { StoredQueue } from '../stored-queue.ts';
import { SqliteFile, type SqliteQueueOptions } from './sqlite-file.ts';
import { SqliteHome } from './sqlite-home.ts';

/** The embedded home. Returns at once, whatever the file is like; the first call opens it. */
export function openSqliteQueue(options: SqliteQueueOptions, limits: Partial<QueueLimits> = {}): Queue {
  return new StoredQueue(new SqliteHome(new SqliteFile(options)), limits);
}
