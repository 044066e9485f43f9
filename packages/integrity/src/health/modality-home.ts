/**
 * Modalities in the home of the ledger. Several nodes write to one record: each adds its batch to what is there, if nobody stored meanwhile, else
 * to what is there then. A batch has an id, which is stored with it: one whose outcome is not known is sent again, and counts once. A process
 * that dies loses what it had not written (some seconds), and counts nothing twice.
 */
import { type LedgerHome, LedgerUnavailable, type PageCursor, type RecordWrite, type StoredRecord } from '../ledger/home.ts';
import {
  type BatchWriter,
  droppedHead,
  droppedWrite,
  type ModalityBatch,
  type ModalityRecord,
  modalityKey,
  modalityShelf,
  modalityWrite,
  recordOf,
  rowsOfBatch,
  withBatch,
} from './modality-record.ts';
import { type WatchRecord, watched, watchKey } from './watch-record.ts';

const maxTries = 16;
const perPage = 500;
const atOnce = 64;
const removeAtOnce = 200;

export interface ModalityRows {
  readonly record: ModalityRecord;
  readonly rows: ReadonlyMap<string, string>;
}

export class ModalityHome {
  readonly home: LedgerHome;

  constructor(home: LedgerHome) {
    this.home = home;
  }

  /** Last seen first. */
  async list(): Promise<readonly ModalityRecord[]> {
    const found: ModalityRecord[] = [];
    let after: PageCursor | undefined;
    for (;;) {
      const cursors = await this.home.page([modalityShelf], { from: 0, until: Number.MAX_SAFE_INTEGER }, after, perPage);
      const stored = await this.home.load(cursors.map(({ key }) => ({ key, rows: [] })));
      found.push(...stored.flatMap(({ head }) => recordOf(head) ?? []));
      after = cursors.at(-1);
      if (cursors.length < perPage) return found;
    }
  }

  async read(aeTitle: string, rows: 'all' | readonly string[]): Promise<ModalityRows | undefined> {
    const [stored] = await this.home.load([{ key: modalityKey(aeTitle), rows }]);
    const record = recordOf(stored?.head);
    return record === undefined || stored === undefined ? undefined : { record, rows: stored.rows };
  }

  /** Writes batches down, each once. No title twice. @throws LedgerUnavailable then some are, and all may be written again */
  async apply(batches: readonly ModalityBatch[], writer: (aeTitle: string) => BatchWriter): Promise<void> {
    for (let at = 0; at < batches.length; at += atOnce) {
      let left = batches.slice(at, at + atOnce);
      for (let tries = 0; left.length > 0; tries += 1) {
        if (tries === maxTries) throw new LedgerUnavailable('busy', 'others write the same modalities all the time');
        const stored = await this.home.load(left.map((batch) => ({ key: modalityKey(batch.aeTitle), rows: rowsOfBatch(batch) })));
        const writes = left.flatMap((batch, index) => {
          const write = withBatch(batch, stored[index] as StoredRecord, writer(batch.aeTitle));
          return write === undefined ? [] : [{ batch, write }];
        });
        const results = await this.home.store(writes.map(({ write }) => write));
        left = writes.filter((_, index) => results[index] === 'stale').map(({ batch }) => batch);
      }
    }
  }

  /** Returns what was stored; undefined: `change` wanted nothing. */
  async update(aeTitle: string, change: (record: ModalityRecord) => ModalityRecord | undefined): Promise<ModalityRecord | undefined> {
    let after: ModalityRecord | undefined;
    await this.#change(modalityKey(aeTitle), ({ head, revision }) => {
      const record = recordOf(head);
      after = record === undefined ? undefined : change(record);
      return after === undefined ? undefined : modalityWrite(after, revision);
    });
    return after;
  }

  /** Lets go of a record. Returns whether it was this call that did. */
  async drop(key: string): Promise<boolean> {
    const isDropped = await this.#change(key, ({ head, revision }) =>
      head === undefined || head === droppedHead ? undefined : droppedWrite(key, revision),
    );
    await this.home.remove(0, removeAtOnce);
    return isDropped;
  }

  /** A proxy is there now. Returns when none was. */
  async watch(now: number, absentAfterMs: number): Promise<WatchRecord> {
    let after: WatchRecord = { lastAt: now, outages: [] };
    await this.#change(watchKey, ({ head, revision }) => {
      const before = head === undefined ? after : (JSON.parse(head) as WatchRecord);
      after = watched(before, now, absentAfterMs);
      const record = { key: watchKey, revision, head: JSON.stringify(after), rows: new Map<string, string>(), freshRows: [] };
      return { ...record, dueAt: undefined, shelf: undefined, at: after.lastAt };
    });
    return after;
  }

  /** As it stands; nothing is written. */
  async lastWatch(): Promise<WatchRecord | undefined> {
    const [stored] = await this.home.load([{ key: watchKey, rows: [] }]);
    return stored?.head === undefined ? undefined : (JSON.parse(stored.head) as WatchRecord);
  }

  async #change(key: string, change: (stored: StoredRecord) => RecordWrite | undefined): Promise<boolean> {
    for (let tries = 0; tries < maxTries; tries += 1) {
      const [stored] = await this.home.load([{ key, rows: [] }]);
      const write = change(stored as StoredRecord);
      if (write === undefined) return false;
      const [result] = await this.home.store([write]);
      if (result === 'stored') return true;
    }
    throw new LedgerUnavailable('busy', 'others write the same record all the time');
  }
}
