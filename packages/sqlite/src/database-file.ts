import { closeSync, existsSync, mkdirSync, openSync, renameSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type DatabaseFault, faultOf, isFull, isUnopened, messageOf } from './database-fault.ts';

/** For whoever opens one; what is kept in it says the rest, {@link DatabaseUse}. */
export interface DatabaseFileOptions {
  /** The database file; its folder is made. Beside it SQLite keeps `-wal` and `-shm`. */
  readonly path: string;
  /**
   * What becomes of a file that is no database or a broken one: `move-aside` gives it another name (`.broken-…`, never deleted) and starts an
   * empty one; for the one process that owns it. `refuse` (the command line beside a running proxy) says that it is `corrupt`. Default
   * `move-aside`.
   */
  readonly onCorrupt?: 'move-aside' | 'refuse';
  /** For those who only look: no file is made, moved or migrated, and what writes fails. Default false. */
  readonly readOnly?: boolean;
  /** How long to wait for another process' write, in all; 0: not at all. The thread is not blocked meanwhile. Default 5,000. */
  readonly busyWaitMs?: number;
  /** Default: the system's clock. For the names of files moved aside. */
  readonly now?: () => number;
}

/** What the file is for. */
export interface DatabaseUse {
  /** Of SQLite's cache of pages, in a process. */
  readonly cacheKib: number;
  /** Brings a database that was opened to this version's tables; with `readOnly` it only looks. What it throws goes to whoever asked. */
  readonly bringUp: (database: DatabaseSync, readOnly: boolean) => void;
  /** The error by which whoever asked hears of it. */
  readonly unavailable: (fault: DatabaseFault, message: string, cause?: unknown) => Error;
  /**
   * For what can be made anew at any time, by the one process that owns it: once there is no room to write on its volume, an empty database of this
   * process stands in for the file, until so many bytes are free there. Left out: what writes fails until there is room.
   */
  readonly standInBelowBytes?: number | undefined;
  /** What stood in for the file is gone, and with it what it knew: to be written down before the file is used again. */
  readonly resumed?: (database: DatabaseSync) => void;
  /** The file is open, and its tables are there. */
  readonly opened?: (database: DatabaseSync) => void;
  /** A transaction that may have written to the file is over. */
  readonly written?: (database: DatabaseSync) => void;
}

/** SQLite's own wait blocks the whole thread, and images pass through it: a few milliseconds, then a timer. */
const busyTimeoutMs = 5;
const busyPauseMs = 10;

/**
 * A database as a file: opened when it is needed, brought up to date, moved aside when broken, opened again when it was taken away; statements
 * prepared once; transactions that wait for other processes without blocking this one.
 *
 * `journal_mode=WAL`: readers and one writer at a time, also of several processes. `synchronous=NORMAL`: a commit is not synced, only a
 * checkpoint is, so a power cut can lose the last commits (never the file's consistency). So nothing may be acknowledged on the word of what
 * stands in it.
 */
export class DatabaseFile {
  readonly movedAside: string[] = [];
  readonly #use: DatabaseUse;
  readonly #path: string;
  readonly #onCorrupt: 'move-aside' | 'refuse';
  readonly #readOnly: boolean;
  readonly #busyWaitMs: number;
  readonly #now: () => number;
  readonly #statements = new Map<string, StatementSync>();
  #database: DatabaseSync | undefined;
  #inode: number | undefined;
  #isStandIn = false;
  #isResumed = false;
  #closed = false;

  constructor(options: DatabaseFileOptions, use: DatabaseUse) {
    const { path, onCorrupt = 'move-aside', readOnly = false, busyWaitMs = 5_000, now = Date.now } = options;
    this.#use = use;
    this.#path = path;
    this.#onCorrupt = onCorrupt;
    this.#readOnly = readOnly;
    this.#busyWaitMs = busyWaitMs;
    this.#now = now;
  }

  /** A statement, prepared once per connection. For the work of a transaction. */
  prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection().prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /**
   * All of `work` or nothing of it. `write` takes the write lock first, so that nothing read inside can be stale. Rejects with what
   * `unavailable` makes of a fault, and with any other error as it came.
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
        if (isFull(error) && this.#use.standInBelowBytes !== undefined) this.#change(true);
        if (fault !== 'busy' || performance.now() - started >= this.#busyWaitMs) throw this.#unavailable(fault, error);
      }
      await new Promise((resolve) => setTimeout(resolve, busyPauseMs));
    }
  }

  /** Whether the file that is open still stands under its name, or can be used again; if so, the next transaction opens what does. */
  checkPlace(): void {
    if (this.#isStandIn) {
      const { bavail, bsize } = statfsSync(dirname(this.#path));
      if (bavail * bsize >= (this.#use.standInBelowBytes ?? 0)) this.#change(false);
    } else if (this.#database !== undefined && this.#inode !== inodeOf(this.#path)) this.#disconnect();
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
      if (kind === 'write' && !this.#isStandIn) this.#use.written?.(database);
      return result;
    } catch (error) {
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  #connection(): DatabaseSync {
    if (this.#closed) throw this.#use.unavailable('closed', 'it is closed');
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
    if (!this.#readOnly && !this.#isStandIn) makeOurs(this.#path);
    // Without a name: in memory as far as its cache goes, then in the system's folder for temporary files.
    const database = new DatabaseSync(this.#isStandIn ? '' : this.#path, { timeout: busyTimeoutMs, readOnly: this.#readOnly });
    try {
      if (!this.#readOnly) database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
      database.exec(`PRAGMA cache_size = -${this.#use.cacheKib}; PRAGMA temp_store = MEMORY`);
      this.#use.bringUp(database, this.#readOnly);
      if (this.#isResumed) this.#use.resumed?.(database);
    } catch (error) {
      database.close();
      throw error;
    }
    this.#isResumed = false;
    this.#database = database;
    this.#inode = inodeOf(this.#path);
    if (!this.#isStandIn) this.#use.opened?.(database);
    return database;
  }

  #change(isStandIn: boolean): void {
    this.#disconnect();
    this.#isResumed = !isStandIn;
    this.#isStandIn = isStandIn;
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

  /** Throws where that is not ours to do. */
  #setAside(error: unknown): void {
    this.#disconnect();
    if (this.#onCorrupt === 'refuse' || this.#readOnly) throw this.#unavailable('corrupt', error);
    const name = `${this.#path}.broken-${this.#now()}-${this.movedAside.length}`;
    for (const part of ['-wal', '-shm', '']) {
      if (existsSync(this.#path + part)) renameSync(this.#path + part, name + part);
    }
    this.movedAside.push(name);
  }

  #unavailable(fault: DatabaseFault, error: unknown): Error {
    const where = `: ${this.#path}. Give it, and its -wal and -shm, to the user that runs the proxy`;
    return this.#use.unavailable(fault, `${messageOf(error)}${isUnopened(error) ? where : ''}`, error);
  }
}

/** The file, readable by its owner only: SQLite would let everybody read it, and gives what it makes beside it the mode that it has. */
function makeOurs(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  // Not one that is there: closing it would give up the locks that this process has on it.
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
