/**
 * Room of the schedule's own on its volume: what it writes while the volume is full goes where its files already are. Without it, a volume
 * filled to the last byte delivers only by luck: before an instance leaves, its lease is written down.
 *
 *   database  free pages (sqlite.org/fileformat2.html, 1.5), written once: the file system has given them blocks
 *   -wal      as long as it gets before a checkpoint lets it begin anew; it goes with the last connection, and is made again at the next
 *
 * File systems that write every block anew (btrfs, ZFS) give no such room; there, and for all else on the volume, `spool.minFreeBytes` does.
 */
import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Of the connection that makes it: what is more goes to the -wal at once, and not into this process' memory. */
const cacheKib = 256;
/** A volume that has less than so many times what is to be made is left alone: others need its last bytes more. */
const timesFree = 4;

/** Free on a volume that has room for a reserve of so many bytes. */
export function roomForReserve(bytes: number): number {
  return bytes * timesFree;
}

/**
 * Makes what is missing of `bytes` (0: nothing is wanted), if the volume has room for it. Blocks for some milliseconds a mebibyte. `database`
 * is the caller's connection to `path`, and stays open. Never throws.
 */
export function makeReserve(database: DatabaseSync, path: string, bytes: number): void {
  if (bytes === 0) return;
  try {
    database.exec('DROP TABLE IF EXISTS reserve');
    if (freeBytes(database) >= bytes && walBytes(path) >= bytes) return;
    const { bavail, bsize } = statfsSync(dirname(path));
    if (bavail * bsize >= roomForReserve(bytes)) write(path, bytes);
  } catch {
    // Full, busy, read-only: whoever writes next hears of it.
  }
}

/** As {@link makeReserve}, once half of it is gone. For between two transactions. */
export function keepReserve(database: DatabaseSync, path: string, bytes: number): void {
  if (bytes === 0) return;
  try {
    if (freeBytes(database) < bytes / 2) makeReserve(database, path, bytes);
  } catch {
    // As above.
  }
}

/** Of the free pages. */
function freeBytes(database: DatabaseSync): number {
  return pragma(database, 'freelist_count') * pragma(database, 'page_size');
}

function write(path: string, bytes: number): void {
  const database = new DatabaseSync(path);
  try {
    database.exec(`PRAGMA synchronous = NORMAL; PRAGMA cache_size = -${cacheKib}; PRAGMA wal_autocheckpoint = 0`);
    database.exec('CREATE TABLE reserve (bytes BLOB NOT NULL)');
    // One transaction: the -wal cannot begin anew within it.
    database.prepare('INSERT INTO reserve VALUES (zeroblob(?))').run(bytes);
    database.exec('PRAGMA wal_checkpoint(FULL)');
  } finally {
    try {
      database.exec('DROP TABLE IF EXISTS reserve');
    } finally {
      database.close();
    }
  }
}

function walBytes(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
