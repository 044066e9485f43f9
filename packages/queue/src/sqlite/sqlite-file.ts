import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { QueueUnavailable } from '../queue-error.ts';
import { keepReserve, makeReserve } from './reserve.ts';
import { migrate } from './schema.ts';
import { faultOf, unavailable } from './sqlite-fault.ts';

export interface SqliteQueueOptions {
  /** The database file; its folder is made. Beside it SQLite keeps `-wal` and `-shm`. */
  readonly path: string;
  /**
   * What becomes of a file that is no database or a broken one: `move-aside` gives it another name (`.broken-…`, never deleted) and starts
   * an empty one, which the spool then fills; for the one process that owns the spool. `refuse` (the command line beside a running proxy)
   * says `QueueUnavailable` `corrupt`. Default `move-aside`.
   */
  readonly onCorrupt?: 'move-aside' | 'refuse';
  /** How long to wait for another process' write, in all; 0: not at all. The thread is not blocked meanwhile. Default 5,000. */
  readonly busyWaitMs?: number;
  /**
   * Room of its own on the volume (reserve.ts), twice as much as this: what is there can then be delivered from a volume that is full. For
   * the one process that owns the spool. 0: none. Default 0.
   */
  readonly reserveBytes?: number;
  /** Default: the system's clock. For the names of files moved aside, and for `busyWaitMs` (then it must not step: it does not by default). */
  readonly now?: () => number;
}

/** SQLite's own wait blocks the whole thread, and images pass through it: a few milliseconds, then a timer. */
const BUSY_TIMEOUT_MS = 5;
const BUSY_PAUSE_MS = 10;
const CACHE_KIB = 16 * 1024;
/** The reserve is looked at after so many. */
const WRITES_PER_LOOK = 256;

/**
 * The database as a file: opened, migrated, moved aside when broken, opened again when it was taken away; statements prepared once;
 * transactions that wait for other processes without blocking this one.
 *
 * `journal_mode=WAL`: readers and one writer at a time, also of several processes. `synchronous=NORMAL`: a commit is not synced, only a
 * checkpoint is, so a power cut can lose the last commits (never the file's consistency). That is enough here: the spool, which is synced,
 * is the truth. A lost `add` comes back by the rebuild at start; a lost `settle` means an entry whose file is gone, which the same rebuild
 * drops.
 */
export class SqliteFile {
  readonly movedAside: string[] = [];
  readonly #path: string;
  readonly #onCorrupt: 'move-aside' | 'refuse';
  readonly #busyWaitMs: number;
  readonly #reserveBytes: number;
  readonly #now: () => number;
  readonly #statements = new Map<string, StatementSync>();
  #database: DatabaseSync | undefined;
  #inode: number | undefined;
  #closed = false;
  #writes = 0;

  constructor({ path, onCorrupt = 'move-aside', busyWaitMs = 5_000, reserveBytes = 0, now = Date.now }: SqliteQueueOptions) {
    this.#path = path;
    this.#onCorrupt = onCorrupt;
    this.#busyWaitMs = busyWaitMs;
    this.#reserveBytes = reserveBytes;
    this.#now = now;
  }

  /** A statement, prepared once per connection. */
  prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection().prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /**
   * All of `work` or nothing of it. `write` takes the write lock first, so that nothing read inside can be stale.
   * @throws QueueUnavailable
   */
  async transaction<Result>(kind: 'read' | 'write', work: () => Result): Promise<Result> {
    const started = performance.now();
    for (;;) {
      try {
        return this.#attempt(kind, work);
      } catch (error) {
        const fault = faultOf(error);
        if (fault === undefined) throw error;
        if (fault === 'corrupt') this.#setAside(error);
        if (fault !== 'busy' || performance.now() - started >= this.#busyWaitMs) throw unavailable(fault, error);
      }
      await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS));
    }
  }

  /** Whether the file that is open still stands under its name; if not, the next transaction opens what does. */
  checkPlace(): void {
    if (this.#database !== undefined && this.#inode !== inodeOf(this.#path)) this.#disconnect();
  }

  close(): void {
    this.#closed = true;
    this.#disconnect();
  }

  #attempt<Result>(kind: 'read' | 'write', work: () => Result): Result {
    const database = this.#connection();
    database.exec(kind === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN');
    try {
      const result = work();
      database.exec('COMMIT');
      if (kind === 'write') this.#wrote(database);
      return result;
    } catch (error) {
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  /** New entries take free pages. */
  #wrote(database: DatabaseSync): void {
    this.#writes += 1;
    if (this.#writes % WRITES_PER_LOOK === 0) keepReserve(database, this.#path, this.#reserveBytes);
  }

  #connection(): DatabaseSync {
    if (this.#closed) throw new QueueUnavailable('closed', 'the queue is closed');
    if (this.#database !== undefined) return this.#database;
    try {
      return this.#connect();
    } catch (error) {
      if (faultOf(error) !== 'corrupt') throw error;
      this.#setAside(error);
      return this.#connect();
    }
  }

  #connect(): DatabaseSync {
    mkdirSync(dirname(this.#path), { recursive: true });
    const database = new DatabaseSync(this.#path, { timeout: BUSY_TIMEOUT_MS });
    try {
      database.exec('PRAGMA journal_mode = WAL');
      database.exec(`PRAGMA synchronous = NORMAL; PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY`);
      migrate(database, this.#now(), randomUUID());
    } catch (error) {
      database.close();
      throw error;
    }
    this.#database = database;
    this.#inode = inodeOf(this.#path);
    makeReserve(database, this.#path, this.#reserveBytes);
    return database;
  }

  #disconnect(): void {
    this.#statements.clear();
    const database = this.#database;
    this.#database = undefined;
    try {
      database?.close();
    } catch {
      // A broken database can refuse its last checkpoint; the handle is gone all the same.
    }
  }

  /** @throws QueueUnavailable where that is not ours to do */
  #setAside(error: unknown): void {
    this.#disconnect();
    if (this.#onCorrupt === 'refuse') throw unavailable('corrupt', error);
    const name = `${this.#path}.broken-${this.#now()}-${this.movedAside.length}`;
    for (const part of ['-wal', '-shm', '']) {
      if (existsSync(this.#path + part)) renameSync(this.#path + part, name + part);
    }
    this.movedAside.push(name);
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
