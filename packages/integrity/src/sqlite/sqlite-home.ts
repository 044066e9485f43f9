import { DatabaseFile, type DatabaseFileOptions } from '@radiotracer/sqlite';
import {
  type LedgerHome,
  LedgerUnavailable,
  type PageCursor,
  type RecordRequest,
  type RecordWrite,
  type StoredRecord,
} from '../ledger/home.ts';
import { bringUp } from './schema.ts';

export type SqliteLedgerOptions = DatabaseFileOptions;

const cacheKib = 2048;

/**
 * The embedded home. `journal_mode=WAL`, `synchronous=NORMAL`: a power cut can lose the last commits, never the file's consistency. That
 * is enough: nothing is acknowledged on the word of the ledger.
 */
export class SqliteHome implements LedgerHome {
  readonly #file: DatabaseFile;

  constructor(options: SqliteLedgerOptions) {
    this.#file = new DatabaseFile(options, {
      cacheKib,
      bringUp,
      unavailable: (fault, message, cause) => new LedgerUnavailable(fault, `the ledger's database: ${message}`, cause),
    });
  }

  get movedAside(): readonly string[] {
    return this.#file.movedAside;
  }

  load(requests: readonly RecordRequest[]): Promise<readonly StoredRecord[]> {
    return this.#file.transaction('read', () =>
      requests.map(({ key, rows }) => {
        const record = this.#file.prepared('SELECT rowid, revision, head FROM record WHERE key = ?').get(key);
        if (record === undefined) return { revision: 0, head: undefined, rows: new Map() };
        const rowid = Number(record['rowid']);
        const found = new Map<string, string>();
        if (rows === 'all') {
          const all = this.#file.prepared('SELECT row.id, row.value FROM row INDEXED BY row_record WHERE record = ?').all(rowid);
          for (const row of all) found.set(String(row['id']), String(row['value']));
        } else {
          const one = this.#file.prepared('SELECT value FROM row WHERE id = ? AND record = ?');
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
    return this.#file.transaction('write', () =>
      writes.map(({ key, revision, head, rows, dueAt = null, shelf = null, at }) => {
        let rowid: number | bigint;
        if (revision === 0) {
          const insert = this.#file.prepared('INSERT INTO record VALUES (?, 1, ?, ?, ?, ?) ON CONFLICT DO NOTHING');
          const { changes, lastInsertRowid } = insert.run(key, head, dueAt, shelf, at);
          if (changes === 0) return 'stale';
          rowid = lastInsertRowid;
        } else {
          const update = this.#file.prepared(
            'UPDATE record SET revision = revision + 1, head = ?, due_at = ?, shelf = ?, at = ? WHERE key = ? AND revision = ? RETURNING rowid',
          );
          const updated = update.get(head, dueAt, shelf, at, key, revision);
          if (updated === undefined) return 'stale';
          rowid = Number(updated['rowid']);
        }
        const put = this.#file.prepared('INSERT INTO row VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value');
        for (const [id, value] of rows) put.run(rowid, id, value);
        return 'stored';
      }),
    );
  }

  due(now: number, limit: number): Promise<readonly string[]> {
    return this.#file.transaction('read', () =>
      this.#file
        .prepared('SELECT key FROM record WHERE due_at <= ? ORDER BY due_at, key LIMIT ?')
        .all(now, limit)
        .map((row) => String(row['key'])),
    );
  }

  page(shelves: readonly string[], range: { from: number; until: number }, after: PageCursor | undefined, limit: number) {
    const { at, key } = after ?? { at: Number.MAX_SAFE_INTEGER, key: '' };
    return this.#file.transaction('read', () =>
      shelves
        .flatMap((shelf) =>
          this.#file
            .prepared(
              `SELECT key, at FROM record WHERE shelf = ? AND at >= ? AND at < ? AND (at < ? OR (at = ? AND key > ?))
              ORDER BY at DESC, key LIMIT ?`,
            )
            .all(shelf, range.from, range.until, at, at, key, limit),
        )
        .map((row) => ({ key: String(row['key']), at: Number(row['at']) }))
        .sort((one, other) => other.at - one.at || (one.key < other.key ? -1 : 1))
        .slice(0, limit),
    );
  }

  where(rowIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.#file.transaction('read', () => {
      const find = this.#file.prepared(
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
    return this.#file.transaction('write', () => {
      const old = this.#file.prepared('SELECT rowid FROM record WHERE at < ? ORDER BY at LIMIT ?').all(before, limit);
      let rows = 0;
      for (const record of old) {
        const rowid = Number(record['rowid']);
        rows += Number(this.#file.prepared('DELETE FROM row WHERE record = ?').run(rowid).changes);
        this.#file.prepared('DELETE FROM record WHERE rowid = ?').run(rowid);
      }
      return { records: old.length, rows };
    });
  }

  async close(): Promise<void> {
    this.#file.close();
  }
}
