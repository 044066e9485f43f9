import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  type LedgerHome,
  LedgerUnavailable,
  type PageCursor,
  type RecordRequest,
  type RecordWrite,
  type StoredRecord,
} from '../ledger/home.ts';

export interface SqliteLedgerOptions {
  /** The database file; its folder is made. Beside it SQLite keeps `-wal` and `-shm`. */
  readonly path: string;
  /** What becomes of a file that is no database or a broken one; as in the queue. Default `move-aside`: an empty one is started. */
  readonly onCorrupt?: 'move-aside' | 'refuse';
  /** For those who only look: no file is made, moved or migrated, and what writes fails. Default false. */
  readonly readOnly?: boolean;
  /** How long to wait for another process' write, in all; 0: not at all. The thread is not blocked meanwhile. Default 5,000. */
  readonly busyWaitMs?: number;
  /** For the names of files moved aside. */
  readonly now?: () => number;
}

/** Never changed once released, only added to. */
const MIGRATIONS = [
  `
  CREATE TABLE record (
    key TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    head TEXT NOT NULL,
    due_at INTEGER,
    shelf TEXT,
    at INTEGER NOT NULL
  );
  CREATE INDEX record_due ON record (due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX record_shelf ON record (shelf, at DESC, key) WHERE shelf IS NOT NULL;
  CREATE INDEX record_at ON record (at);
  CREATE TABLE row (
    record INTEGER NOT NULL,        -- rowid of the record
    id TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (id, record)        -- by id first: that finds the studies of an instance too
  ) WITHOUT ROWID;
  CREATE INDEX row_record ON row (record);
  `,
];

const BUSY_TIMEOUT_MS = 5;
const BUSY_PAUSE_MS = 10;
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/**
 * The embedded home. `journal_mode=WAL`, `synchronous=NORMAL`: a power cut can lose the last commits, never the file's consistency. That
 * is enough: nothing is acknowledged on the word of the ledger.
 */
export class SqliteHome implements LedgerHome {
  readonly #options: SqliteLedgerOptions;
  readonly #statements = new Map<string, StatementSync>();
  readonly movedAside: string[] = [];
  #database: DatabaseSync | undefined;
  #closed = false;

  constructor(options: SqliteLedgerOptions) {
    this.#options = options;
  }

  load(requests: readonly RecordRequest[]): Promise<readonly StoredRecord[]> {
    return this.#transaction('BEGIN', () =>
      requests.map(({ key, rows }) => {
        const record = this.#prepared('SELECT rowid, revision, head FROM record WHERE key = ?').get(key);
        if (record === undefined) return { revision: 0, head: undefined, rows: new Map() };
        const rowid = Number(record['rowid']);
        const found = new Map<string, string>();
        if (rows === 'all') {
          const all = this.#prepared('SELECT row.id, row.value FROM row INDEXED BY row_record WHERE record = ?').all(rowid);
          for (const row of all) found.set(String(row['id']), String(row['value']));
        } else {
          const one = this.#prepared('SELECT value FROM row WHERE id = ? AND record = ?');
          for (const id of rows) {
            const row = one.get(id, rowid);
            if (row !== undefined) found.set(id, String(row['value']));
          }
        }
        return { revision: Number(record['revision']), head: String(record['head']), rows: found };
      }),
    );
  }

  store(writes: readonly RecordWrite[]): Promise<readonly ('stored' | 'stale')[]> {
    return this.#transaction('BEGIN IMMEDIATE', () =>
      writes.map(({ key, revision, head, rows, dueAt = null, shelf = null, at }) => {
        let rowid: number | bigint;
        if (revision === 0) {
          const insert = this.#prepared('INSERT INTO record VALUES (?, 1, ?, ?, ?, ?) ON CONFLICT DO NOTHING');
          const { changes, lastInsertRowid } = insert.run(key, head, dueAt, shelf, at);
          if (changes === 0) return 'stale';
          rowid = lastInsertRowid;
        } else {
          const update = this.#prepared(
            'UPDATE record SET revision = revision + 1, head = ?, due_at = ?, shelf = ?, at = ? WHERE key = ? AND revision = ? RETURNING rowid',
          );
          const updated = update.get(head, dueAt, shelf, at, key, revision);
          if (updated === undefined) return 'stale';
          rowid = Number(updated['rowid']);
        }
        const put = this.#prepared('INSERT INTO row VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value');
        for (const [id, value] of rows) put.run(rowid, id, value);
        return 'stored';
      }),
    );
  }

  due(now: number, limit: number): Promise<readonly string[]> {
    return this.#transaction('BEGIN', () =>
      this.#prepared('SELECT key FROM record WHERE due_at <= ? ORDER BY due_at, key LIMIT ?')
        .all(now, limit)
        .map((row) => String(row['key'])),
    );
  }

  page(shelves: readonly string[], range: { from: number; until: number }, after: PageCursor | undefined, limit: number) {
    const { at, key } = after ?? { at: Number.MAX_SAFE_INTEGER, key: '' };
    return this.#transaction('BEGIN', () =>
      shelves
        .flatMap((shelf) =>
          this.#prepared(
            `SELECT key, at FROM record WHERE shelf = ? AND at >= ? AND at < ? AND (at < ? OR (at = ? AND key > ?))
              ORDER BY at DESC, key LIMIT ?`,
          ).all(shelf, range.from, range.until, at, at, key, limit),
        )
        .map((row) => ({ key: String(row['key']), at: Number(row['at']) }))
        .sort((one, other) => other.at - one.at || (one.key < other.key ? -1 : 1))
        .slice(0, limit),
    );
  }

  where(rowIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.#transaction('BEGIN', () => {
      const find = this.#prepared(
        'SELECT record.key FROM row JOIN record ON record.rowid = row.record WHERE row.id = ? ORDER BY record.key',
      );
      const found = new Map<string, readonly string[]>();
      for (const id of rowIds) {
        const keys = find.all(id).map((row) => String(row['key']));
        if (keys.length > 0) found.set(id, keys);
      }
      return found;
    });
  }

  remove(before: number, limit: number): Promise<{ records: number; rows: number }> {
    return this.#transaction('BEGIN IMMEDIATE', () => {
      const old = this.#prepared('SELECT rowid FROM record WHERE at < ? ORDER BY at LIMIT ?').all(before, limit);
      let rows = 0;
      for (const record of old) {
        const rowid = Number(record['rowid']);
        rows += Number(this.#prepared('DELETE FROM row WHERE record = ?').run(rowid).changes);
        this.#prepared('DELETE FROM record WHERE rowid = ?').run(rowid);
      }
      return { records: old.length, rows };
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#disconnect();
  }

  async #transaction<Result>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: () => Result): Promise<Result> {
    const { busyWaitMs = 5_000 } = this.#options;
    const started = performance.now();
    for (;;) {
      try {
        return this.#attempt(begin, work);
      } catch (error) {
        const code = codeOf(error);
        if (code === undefined) throw error;
        if (code === 'corrupt') this.#setAside(error);
        if (code !== 'busy' || performance.now() - started >= busyWaitMs) throw unavailable(code, error);
      }
      await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS));
    }
  }

  #attempt<Result>(begin: string, work: () => Result): Result {
    const database = this.#open();
    database.exec(begin);
    try {
      const result = work();
      database.exec('COMMIT');
      return result;
    } catch (error) {
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  #open(): DatabaseSync {
    if (this.#closed) throw new LedgerUnavailable('closed', 'the ledger is closed');
    if (this.#database !== undefined) return this.#database;
    try {
      return this.#connect();
    } catch (error) {
      if (codeOf(error) !== 'corrupt') throw error;
      this.#setAside(error);
      return this.#connect();
    }
  }

  #connect(): DatabaseSync {
    const { path, readOnly = false } = this.#options;
    if (!readOnly) mkdirSync(dirname(path), { recursive: true });
    const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly });
    try {
      if (!readOnly) database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
      database.exec('PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY');
      if (readOnly) mustBeKnown(versionOf(database));
      else migrate(database);
    } catch (error) {
      database.close();
      throw error;
    }
    this.#database = database;
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

  #setAside(error: unknown): void {
    this.#disconnect();
    const { path, readOnly, onCorrupt = 'move-aside', now = Date.now } = this.#options;
    if (onCorrupt === 'refuse' || readOnly === true) throw unavailable('corrupt', error);
    const name = `${path}.broken-${now()}-${this.movedAside.length}`;
    for (const part of ['-wal', '-shm', '']) if (existsSync(path + part)) renameSync(path + part, name + part);
    this.movedAside.push(name);
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#open().prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** Each step whole or not at all. */
function migrate(database: DatabaseSync): void {
  if (versionOf(database) === MIGRATIONS.length) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    const from = versionOf(database);
    mustBeKnown(from);
    for (const migration of MIGRATIONS.slice(from)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
}

function mustBeKnown(version: number): void {
  if (version <= MIGRATIONS.length) return;
  throw new LedgerUnavailable('newer-schema', `the ledger's database has version ${version}, this program knows ${MIGRATIONS.length}`);
}

/** What an error of node:sqlite, or of the file system, says of the home; undefined: it is a fault of ours. */
function codeOf(error: unknown): 'busy' | 'corrupt' | 'refused' | undefined {
  if (typeof error !== 'object' || error === null || error instanceof LedgerUnavailable) return undefined;
  if ('syscall' in error) return 'refused';
  if (!('errcode' in error)) return undefined;
  const primary = Number(error.errcode) & 0xff;
  if (primary === SQLITE_BUSY || primary === SQLITE_LOCKED) return 'busy';
  if (primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB) return 'corrupt';
  const isOurs = primary === 1 && !/no such (table|column|index)|malformed/.test(String((error as unknown as Error).message));
  if (isOurs) return undefined;
  return primary === 1 ? 'corrupt' : 'refused';
}

function unavailable(code: LedgerUnavailable['code'], error: unknown): LedgerUnavailable {
  return new LedgerUnavailable(code, `the ledger's database: ${error instanceof Error ? error.message : String(error)}`, error);
}
