/** What is kept under a key: a head and rows, texts that the home does not look into. */
export interface StoredRecord {
  /** Grows by one with every write; 0: it is not there. */
  readonly revision: number;
  readonly head: string | undefined;
  readonly rows: ReadonlyMap<string, string>;
}

export interface RecordRequest {
  readonly key: string;
  readonly rows: 'all' | readonly string[];
}

export interface RecordWrite {
  readonly key: string;
  /** What the writer read; anything else there now, and nothing is written. */
  readonly revision: number;
  readonly head: string;
  /** By id; rows that are not named stay. */
  readonly rows: ReadonlyMap<string, string>;
  /** Ids of `rows` that were not there. */
  readonly freshRows: readonly string[];
  /** Milliseconds since the epoch; undefined: it is not due any more. */
  readonly dueAt: number | undefined;
  /** Where it is found by {@link LedgerHome.page}; undefined: nowhere. */
  readonly shelf: string | undefined;
  /** Milliseconds since the epoch: its place on the shelf, and its age. */
  readonly at: number;
}

export interface PageCursor {
  readonly at: number;
  readonly key: string;
}

/**
 * Where a ledger is kept. Every call is atomic for each record by itself and bounded in what it touches; a batch of writes is one transaction,
 * or one round trip, not one for each.
 */
export interface LedgerHome {
  load(requests: readonly RecordRequest[]): Promise<readonly StoredRecord[]>;
  /** Each on its own: `stale` when its revision is not that any more. No key twice. */
  store(writes: readonly RecordWrite[]): Promise<readonly ('stored' | 'stale')[]>;
  /** Keys that are due, the longest due first as far as is known: one that was put off may stand before its turn. */
  due(now: number, limit: number): Promise<readonly string[]>;
  /** Newest first, from behind `after`; `from` and `until` (not included) are of `at`. */
  page(
    shelves: readonly string[],
    range: { readonly from: number; readonly until: number },
    after: PageCursor | undefined,
    limit: number,
  ): Promise<readonly PageCursor[]>;
  /** Keys of the records that have a row of this id, by id; those that there are. */
  where(rowIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Lets go of records older than that, at most so many; returns how many records and rows went. */
  remove(before: number, limit: number): Promise<{ readonly records: number; readonly rows: number }>;
  close(): Promise<void>;
}

/** The home cannot be used just now. What was to be written was not, or nobody knows. */
export class LedgerUnavailable extends Error {
  override readonly name = 'LedgerUnavailable';
  readonly code: 'busy' | 'corrupt' | 'refused' | 'disconnected' | 'closed' | 'newer-schema';

  constructor(code: LedgerUnavailable['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
