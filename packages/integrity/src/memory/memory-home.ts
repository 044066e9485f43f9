import type { LedgerHome, PageCursor, RecordRequest, RecordWrite, StoredRecord } from '../ledger/home.ts';

interface Kept {
  revision: number;
  head: string;
  readonly rows: Map<string, string>;
  dueAt: number | undefined;
  shelf: string | undefined;
  at: number;
}

/** The ledger of a process that need not remember: tests, and sites that keep none. Several views may share one. */
export class MemoryHome implements LedgerHome {
  readonly #records: Map<string, Kept>;
  readonly #places: Map<string, Set<string>>;

  constructor(shared?: MemoryHome) {
    this.#records = shared === undefined ? new Map() : shared.#records;
    this.#places = shared === undefined ? new Map() : shared.#places;
  }

  async load(requests: readonly RecordRequest[]): Promise<readonly StoredRecord[]> {
    return requests.map(({ key, rows }) => {
      const kept = this.#records.get(key);
      if (kept === undefined) return { revision: 0, head: undefined, rows: new Map() };
      const ids = rows === 'all' ? [...kept.rows.keys()] : rows;
      const found = ids.flatMap((id) => {
        const value = kept.rows.get(id);
        return value === undefined ? [] : [[id, value] as const];
      });
      return { revision: kept.revision, head: kept.head, rows: new Map(found) };
    });
  }

  async store(writes: readonly RecordWrite[]): Promise<readonly ('stored' | 'stale')[]> {
    return writes.map((write) => {
      const kept = this.#records.get(write.key);
      if ((kept?.revision ?? 0) !== write.revision) return 'stale';
      const rows = kept?.rows ?? new Map<string, string>();
      for (const [id, value] of write.rows) {
        rows.set(id, value);
        const keys = this.#places.get(id) ?? new Set();
        this.#places.set(id, keys.add(write.key));
      }
      const { head, dueAt, shelf, at } = write;
      this.#records.set(write.key, { revision: write.revision + 1, head, rows, dueAt, shelf, at });
      return 'stored';
    });
  }

  async due(now: number, limit: number): Promise<readonly string[]> {
    return [...this.#records]
      .filter(([, { dueAt }]) => dueAt !== undefined && dueAt <= now)
      .sort(([oneKey, one], [otherKey, other]) => (one.dueAt ?? 0) - (other.dueAt ?? 0) || (oneKey < otherKey ? -1 : 1))
      .slice(0, limit)
      .map(([key]) => key);
  }

  async page(shelves: readonly string[], range: { from: number; until: number }, after: PageCursor | undefined, limit: number) {
    return [...this.#records]
      .filter(([, { shelf, at }]) => shelf !== undefined && shelves.includes(shelf) && at >= range.from && at < range.until)
      .map(([key, { at }]) => ({ key, at }))
      .filter((cursor) => after === undefined || newestFirst(after, cursor) < 0)
      .sort(newestFirst)
      .slice(0, limit);
  }

  async where(rowIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    return new Map(
      rowIds.flatMap((id) => {
        const keys = this.#places.get(id);
        return keys === undefined ? [] : [[id, [...keys].sort()] as const];
      }),
    );
  }

  async remove(before: number, limit: number): Promise<{ records: number; rows: number }> {
    const old = [...this.#records].filter(([, { at }]) => at < before).slice(0, limit);
    let rows = 0;
    for (const [key, kept] of old) {
      this.#records.delete(key);
      rows += kept.rows.size;
      for (const id of kept.rows.keys()) {
        const keys = this.#places.get(id);
        keys?.delete(key);
        if (keys?.size === 0) this.#places.delete(id);
      }
    }
    return { records: old.length, rows };
  }

  async close(): Promise<void> {}
}

/** Of two with the same time the one with the lesser key, by its code units. */
function newestFirst(one: PageCursor, other: PageCursor): number {
  return other.at - one.at || (one.key === other.key ? 0 : one.key < other.key ? -1 : 1);
}
