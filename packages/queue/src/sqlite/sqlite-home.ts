import { DamagedDatabase, type DatabaseFile } from '@radiotracer/sqlite';
import { ENTRY_STATES, type EntryKey, type EntryState, type NewEntry, type QueueEntry } from '../entry.ts';
import type { Home, LeaseEnd, Place, Reconciliation, Refusal, Scope } from '../home.ts';
import type { ClaimRequest, Lease } from '../lease.ts';
import type { QueueLimits } from '../limits.ts';
import { behind, compareKeys } from '../position.ts';
import type { DestinationCounts, QueueHealth, StateCounts } from '../queue.ts';
import { whyNot } from '../queue-error.ts';
import { encodeRecord, markOf } from '../record.ts';
import { afterVerb, aligned, expiry, type Settlement, settled, started, type Verb } from '../transitions.ts';
import { entryOf, type Row } from './entry-row.ts';

/** The schedule in a file beside the spool. Statements run in the caller's thread: each call is a few rows, or a bounded step. */
export class SqliteHome implements Home {
  readonly #file: DatabaseFile;

  constructor(file: DatabaseFile) {
    this.#file = file;
  }

  add(entries: readonly NewEntry[], reconcile?: Reconciliation): Promise<readonly ('added' | 'known' | 'moved')[]> {
    return this.#file.transaction('write', () => {
      const destinationId = entries[0]?.destinationId ?? '';
      this.#run('INSERT OR IGNORE INTO destination (destination_id) VALUES (?)', destinationId);
      const mark = this.#mark(destinationId);
      return entries.map((entry) => {
        const known = this.#row(entry);
        if (known === undefined) {
          this.#insert(started(entry, reconcile?.now), mark);
          return 'added';
        }
        if (reconcile?.mark === undefined) return 'known';
        const is = entryOf(known);
        if (markOf(String(known['record'])) >= reconcile.mark) return 'known';
        const change = is.state === 'leased' ? undefined : aligned(is, entry, reconcile.now);
        if (change !== undefined) this.#update(change.entry, mark);
        return change?.moved === true ? 'moved' : 'known';
      });
    });
  }

  claim(request: ClaimRequest, nonce: string): Promise<readonly QueueEntry[]> {
    const { destinationId, leaseHolder, leaseMs, limit, now } = request;
    return this.#file.transaction('write', () => {
      const mark = this.#mark(destinationId);
      const owners = request.ownerIds ?? this.#owners(destinationId);
      const taken: QueueEntry[] = [];
      while (taken.length < limit) {
        const head = this.#head(destinationId, owners, now);
        if (head === undefined) break;
        for (const entry of this.#together(head, request, limit - taken.length)) {
          const lease = { token: `${taken.length}.${nonce}`, holder: leaseHolder, claimedAt: now, expiresAt: now + leaseMs };
          taken.push(this.#update({ ...entry, state: 'leased', lease }, mark));
        }
      }
      return taken;
    });
  }

  extend(lease: Lease, leaseMs: number, now: number): Promise<Refusal | undefined> {
    const expiresAt = now + leaseMs;
    return this.#file.transaction('write', () => {
      const entry = this.#under(lease);
      if (typeof entry === 'string') return entry;
      if (entry.lease !== undefined) this.#update({ ...entry, lease: { ...entry.lease, expiresAt } }, this.#mark(lease.destinationId));
      return undefined;
    });
  }

  settle(ends: readonly LeaseEnd[], now: number): Promise<readonly (Refusal | undefined)[]> {
    return this.#file.transaction('write', () => {
      const mark = this.#mark(ends[0]?.lease.destinationId ?? '');
      return ends.map(({ lease, settlement }) => {
        if (settlement.to === 'gone' && this.#deleteUnder(lease)) return undefined;
        const entry = this.#under(lease);
        if (typeof entry === 'string') return entry;
        this.#end(entry, settlement, now, mark);
        return undefined;
      });
    });
  }

  reclaim(now: number, { maxLeaseMs, maxDelayMs }: QueueLimits, limit: number): Promise<number> {
    return this.#file.transaction('write', () => {
      const expired = this.#all("SELECT * FROM entry WHERE state = 'leased' AND lease_expires_at <= ? LIMIT ?", now, limit);
      for (const entry of expired) this.#end(entry, expiry(entry, now), now, this.#mark(entry.destinationId));
      const cut = now + maxLeaseMs;
      const tooLong = this.#all("SELECT * FROM entry WHERE state = 'leased' AND lease_expires_at > ? LIMIT ?", cut, limit);
      for (const entry of tooLong) {
        if (entry.lease !== undefined) {
          this.#update({ ...entry, lease: { ...entry.lease, expiresAt: cut } }, this.#mark(entry.destinationId));
        }
      }
      let early = 0;
      for (const { destinationId, ownerIds } of this.#places()) {
        for (const ownerId of ownerIds) {
          const late = this.#all(
            "SELECT * FROM entry WHERE destination_id = ? AND owner_id = ? AND state = 'waiting' AND due_at > ? ORDER BY due_at, id LIMIT ?",
            destinationId,
            ownerId,
            now + maxDelayMs,
            limit,
          );
          for (const entry of late) this.#update({ ...entry, dueAt: now }, this.#mark(destinationId));
          early += late.length;
        }
      }
      return expired.length + tooLong.length + early;
    });
  }

  change(keys: readonly EntryKey[], verb: Verb, states: readonly EntryState[], now: number) {
    return this.#file.transaction('write', () => {
      const changed: QueueEntry[] = [];
      let leased = 0;
      const mark = this.#mark(keys[0]?.destinationId ?? '');
      for (const key of keys) {
        const row = this.#row(key);
        if (row === undefined) continue;
        const entry = entryOf(row);
        if (!states.includes(entry.state)) continue;
        if (entry.state === 'leased' && (verb === 'retry' || verb === 'remove')) leased++;
        const after = afterVerb(entry, verb, now);
        if (after === 'gone') this.#delete(entry);
        if (after !== undefined) changed.push(after === 'gone' ? entry : this.#update(after, mark));
      }
      return { changed, leased };
    });
  }

  places(): Promise<readonly Place[]> {
    return this.#file.transaction('read', () => this.#places());
  }

  read(scope: Scope, after: EntryKey | undefined, limit: number) {
    return this.#file.transaction('read', () => {
      const lists: QueueEntry[][] = [];
      for (const { destinationId, ownerIds } of this.#places()) {
        if (scope.destinationId !== undefined && scope.destinationId !== destinationId) continue;
        for (const ownerId of ownerIds) {
          if (scope.ownerId !== undefined && scope.ownerId !== ownerId) continue;
          const from = behind(after, destinationId, ownerId);
          const compare = from?.inclusive === true ? '>=' : '>';
          if (scope.studyKey !== undefined) {
            const states = scope.states.map((state) => `'${state}'`).join(', ');
            const sql = `SELECT * FROM entry WHERE destination_id = ? AND study_key = ? AND study_key <> '' AND owner_id = ? AND id ${compare} ?
              AND state IN (${states}) ORDER BY id LIMIT ?`;
            lists.push(this.#all(sql, destinationId, scope.studyKey, ownerId, from?.id ?? '', limit + 1));
            continue;
          }
          for (const state of scope.states) {
            const sql = `SELECT * FROM entry WHERE destination_id = ? AND owner_id = ? AND state = ? AND id ${compare} ? ORDER BY id LIMIT ?`;
            lists.push(this.#all(sql, destinationId, ownerId, state, from?.id ?? '', limit + 1));
          }
        }
      }
      const entries = lists.flat().sort(compareKeys);
      return { entries: entries.slice(0, limit), more: entries.length > limit };
    });
  }

  get(keys: readonly EntryKey[]): Promise<readonly QueueEntry[]> {
    return this.#file.transaction('read', () => keys.flatMap((key) => this.#entries(this.#row(key))));
  }

  counts(ownerId: string | undefined): Promise<readonly DestinationCounts[]> {
    return this.#file.transaction('read', () =>
      this.#rows('SELECT destination_id FROM destination ORDER BY destination_id').map((row) => {
        const destinationId = String(row['destination_id']);
        return { destinationId, states: this.#states(destinationId, ownerId) };
      }),
    );
  }

  nextDueAt(destinationId: string, ownerIds: readonly string[] | undefined): Promise<number | undefined> {
    return this.#file.transaction('read', () => {
      const waiting = this.#owners(destinationId);
      const owners = ownerIds === undefined ? waiting : waiting.filter((one) => ownerIds.includes(one));
      if (owners.length === 0) return undefined;
      const head = this.#head(destinationId, owners, Number.MAX_SAFE_INTEGER);
      if (head === undefined) throw new DamagedDatabase('entries wait, and the index of due times has none');
      return head.dueAt;
    });
  }

  beginRebuild(): Promise<ReadonlyMap<string, number>> {
    return this.#file.transaction('write', () => {
      this.#run('UPDATE destination SET mark = mark + 1');
      const rows = this.#rows('SELECT destination_id, mark FROM destination');
      return new Map(rows.map((row) => [String(row['destination_id']), Number(row['mark'])]));
    });
  }

  drop(keys: readonly EntryKey[], mark: number): Promise<number> {
    return this.#file.transaction('write', () => {
      let dropped = 0;
      for (const key of keys) {
        const row = this.#row(key);
        if (row === undefined || entryOf(row).state === 'leased' || markOf(String(row['record'])) >= mark) continue;
        this.#delete(key);
        dropped++;
      }
      return dropped;
    });
  }

  async health(): Promise<QueueHealth> {
    const movedAside = () => (this.#file.movedAside.length === 0 ? {} : { movedAside: [...this.#file.movedAside] });
    try {
      this.#file.checkPlace();
      const generation = await this.#file.transaction(
        'read',
        () => this.#get("SELECT value FROM home WHERE name = 'generation'")?.['value'],
      );
      return { home: 'sqlite', available: true, generation: String(generation), ...movedAside() };
    } catch (error) {
      return { home: 'sqlite', available: false, ...whyNot(error), ...movedAside() };
    }
  }

  async close(): Promise<void> {
    this.#file.close();
  }

  /** The entry that is due first, of any of the owners. */
  #head(destinationId: string, owners: readonly string[], now: number): QueueEntry | undefined {
    const heads = owners.flatMap((ownerId) =>
      this.#all(
        "SELECT * FROM entry WHERE destination_id = ? AND owner_id = ? AND state = 'waiting' AND due_at <= ? ORDER BY due_at, id LIMIT 1",
        destinationId,
        ownerId,
        now,
      ),
    );
    return heads.sort((left, right) => left.dueAt - right.dueAt || compareKeys(left, right))[0];
  }

  /** What is due of its study, in order of arrival. */
  #together(head: QueueEntry, { destinationId, ownerIds, now }: ClaimRequest, limit: number): readonly QueueEntry[] {
    if (head.studyKey === '') return [head];
    const sql = `SELECT * FROM entry WHERE destination_id = ? AND study_key = ? AND study_key <> '' AND state = 'waiting' AND due_at <= ?
      ${ownerIds === undefined ? '' : `AND owner_id IN (${ownerIds.map(() => '?').join()})`} ORDER BY id, owner_id LIMIT ?`;
    const entries = this.#all(sql, destinationId, head.studyKey, now, ...(ownerIds ?? []), limit);
    // Whoever claims until the limit is reached would claim for ever.
    if (entries.length === 0) throw new DamagedDatabase('an entry is not in the index of its study');
    return entries;
  }

  /** What mostly becomes of an entry, without reading it. */
  #deleteUnder({ destinationId, ownerId, id, token }: Lease): boolean {
    const sql = "DELETE FROM entry WHERE destination_id = ? AND owner_id = ? AND id = ? AND record ->> '$.lt' = ?";
    return this.#run(sql, destinationId, ownerId, id, token) > 0;
  }

  #under(lease: Lease): QueueEntry | Refusal {
    const row = this.#row(lease);
    if (row === undefined) return 'gone';
    const entry = entryOf(row);
    return entry.lease?.token === lease.token ? entry : 'stale';
  }

  #end(entry: QueueEntry, settlement: Settlement, now: number, mark: number): void {
    const after = settled(entry, settlement, now);
    if (after === undefined) this.#delete(entry);
    else this.#update(after, mark);
  }

  #states(destinationId: string, ownerId: string | undefined): Readonly<Record<EntryState, StateCounts>> {
    const rows = this.#rows(
      'SELECT owner_id, state, entries, bytes FROM tally WHERE destination_id = ? AND entries > 0',
      destinationId,
    ).filter((row) => ownerId === undefined || ownerId === row['owner_id']);
    const count = (state: EntryState): StateCounts => {
      const ofState = rows.filter((row) => row['state'] === state);
      const oldest = ofState
        .flatMap((row) =>
          this.#all(
            'SELECT * FROM entry WHERE destination_id = ? AND owner_id = ? AND state = ? ORDER BY id LIMIT 1',
            destinationId,
            String(row['owner_id']),
            state,
          ),
        )
        .sort(compareKeys)[0];
      const sum = (name: string) => ofState.reduce((total, row) => total + Number(row[name]), 0);
      return { entries: sum('entries'), bytes: sum('bytes'), ...(oldest === undefined ? {} : { oldestReceivedAt: oldest.receivedAt }) };
    };
    return Object.fromEntries(ENTRY_STATES.map((state) => [state, count(state)])) as Record<EntryState, StateCounts>;
  }

  #places(): readonly Place[] {
    const rows = this.#rows('SELECT destination_id, owner_id FROM tally WHERE entries > 0 GROUP BY destination_id, owner_id');
    return [...Map.groupBy(rows, (row) => String(row['destination_id']))].map(([destinationId, some]) => ({
      destinationId,
      ownerIds: some.map((row) => String(row['owner_id'])),
    }));
  }

  #owners(destinationId: string): readonly string[] {
    const sql = "SELECT owner_id FROM tally WHERE destination_id = ? AND state = 'waiting' AND entries > 0";
    return this.#rows(sql, destinationId).map((row) => String(row['owner_id']));
  }

  #mark(destinationId: string): number {
    return Number(this.#get('SELECT mark FROM destination WHERE destination_id = ?', destinationId)?.['mark'] ?? 0);
  }

  #insert(entry: QueueEntry, mark: number): void {
    this.#run(
      'INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)',
      entry.destinationId,
      entry.ownerId,
      entry.id,
      entry.state,
      entry.dueAt,
      entry.studyKey,
      entry.bytes,
      encodeRecord(entry, mark),
    );
  }

  #update(entry: QueueEntry, mark: number): QueueEntry {
    this.#runOnOne(
      `UPDATE entry SET state = ?, due_at = ?, lease_expires_at = ?, record = ? WHERE destination_id = ? AND owner_id = ? AND id = ?`,
      entry.state,
      entry.dueAt,
      entry.lease?.expiresAt ?? null,
      encodeRecord(entry, mark),
      entry.destinationId,
      entry.ownerId,
      entry.id,
    );
    return entry;
  }

  #delete({ destinationId, ownerId, id }: EntryKey): void {
    this.#runOnOne('DELETE FROM entry WHERE destination_id = ? AND owner_id = ? AND id = ?', destinationId, ownerId, id);
  }

  #row({ destinationId, ownerId, id }: EntryKey): Row | undefined {
    return this.#get('SELECT * FROM entry WHERE destination_id = ? AND owner_id = ? AND id = ?', destinationId, ownerId, id);
  }

  #entries(row: Row | undefined): QueueEntry[] {
    return row === undefined ? [] : [entryOf(row)];
  }

  #all(sql: string, ...values: (string | number)[]): QueueEntry[] {
    return this.#rows(sql, ...values).map(entryOf);
  }

  #rows(sql: string, ...values: (string | number)[]): Row[] {
    return this.#file.prepared(sql).all(...values);
  }

  #get(sql: string, ...values: (string | number)[]): Row | undefined {
    return this.#file.prepared(sql).get(...values);
  }

  #run(sql: string, ...values: (string | number | null)[]): number {
    return Number(this.#file.prepared(sql).run(...values).changes);
  }

  /** Of an entry that was just read. */
  #runOnOne(sql: string, ...values: (string | number | null)[]): void {
    if (this.#run(sql, ...values) !== 1) throw new DamagedDatabase('an entry is not where its key says');
  }
}
