import type { EntryKey, EntryState, HistoryEvent, NewEntry, QueueEntry } from '../entry.ts';
import type { QueueFilter } from '../filter.ts';
import type { Claimed, Lease, Outcome } from '../lease.ts';

/** What the model remembers of an entry: plain fields, changed in place. */
export interface ModelEntry {
  readonly facts: NewEntry;
  state: EntryState;
  dueAt: number;
  attempts: number;
  firstAttemptAt: number | undefined;
  error: { at: number; errorType: string; status?: number } | undefined;
  duplicates: number;
  /** All of them. */
  events: HistoryEvent[];
  lease: { token: string; holder: string; claimedAt: number; expiresAt: number } | undefined;
  holdRequested: boolean;
}

/** What a queue is, as simply as it can be said: a list, gone over every time. */
export class QueueModel {
  entries: ModelEntry[] = [];
  /** Every lease that was ever given out, with the entries it was given for: most of them stale. */
  readonly leases: Lease[] = [];
  readonly tokens = new Set<string>();
  now = 1_700_000_000_000;

  add(facts: NewEntry, rebuilt = false): boolean {
    if (this.find(facts) !== undefined) return false;
    const dueAt = facts.dueAt ?? facts.receivedAt;
    this.entries.push({
      facts,
      state: facts.state ?? 'waiting',
      dueAt: rebuilt ? Math.min(dueAt, this.now) : dueAt,
      attempts: 0,
      firstAttemptAt: undefined,
      error: facts.lastError,
      duplicates: 0,
      events: rebuilt ? [{ at: this.now, what: 'rebuilt' }] : [],
      lease: undefined,
      holdRequested: false,
    });
    return true;
  }

  find({ destinationId, ownerId, id }: EntryKey): ModelEntry | undefined {
    return this.entries.find(({ facts }) => facts.destinationId === destinationId && facts.ownerId === ownerId && facts.id === id);
  }

  /** The entry under this lease, `gone` or `stale`. */
  under(lease: Lease): ModelEntry | 'gone' | 'stale' {
    const entry = this.find(lease);
    return entry === undefined ? 'gone' : entry.lease?.token === lease.token ? entry : 'stale';
  }

  remove(entry: ModelEntry): void {
    this.entries = this.entries.filter((other) => other !== entry);
  }

  /** What a claim must take, in this order. */
  claimable(destinationId: string, ownerIds: readonly string[] | undefined, limit: number): ModelEntry[] {
    let due = this.entries.filter(
      ({ facts, state, dueAt }) =>
        facts.destinationId === destinationId &&
        (ownerIds === undefined || ownerIds.includes(facts.ownerId)) &&
        state === 'waiting' &&
        dueAt <= this.now,
    );
    const taken: ModelEntry[] = [];
    while (due.length > 0) {
      const head = due.reduce((best, entry) => (before(entry, best) ? entry : best));
      const together = due.filter(
        (entry) => entry === head || (head.facts.studyKey !== '' && entry.facts.studyKey === head.facts.studyKey),
      );
      taken.push(...together.sort(byArrival));
      due = due.filter((entry) => !together.includes(entry));
    }
    return taken.slice(0, limit);
  }

  take(entry: ModelEntry, { lease }: Claimed): void {
    entry.state = 'leased';
    entry.lease = { token: lease.token, holder: lease.holder, claimedAt: lease.claimedAt, expiresAt: lease.expiresAt };
    this.leases.push(lease);
    this.tokens.add(lease.token);
  }

  settle(entry: ModelEntry, outcome: Outcome, maxDelayMs: number): void {
    if (outcome.kind === 'delivered') {
      this.remove(entry);
      return;
    }
    if ('error' in outcome && outcome.error !== undefined) this.#attempted(entry, outcome.error);
    if ('possibleDuplicate' in outcome && outcome.possibleDuplicate === true) entry.duplicates++;
    if ('dueAt' in outcome) entry.dueAt = Math.min(outcome.dueAt, this.now + maxDelayMs);
    const why = 'why' in outcome ? outcome.why : 'error' in outcome ? outcome.error?.errorType : undefined;
    this.#release(
      entry,
      outcome.kind === 'dead' || outcome.kind === 'held' ? outcome.kind : 'waiting',
      outcome.kind,
      why?.slice(0, 200).toWellFormed(),
    );
  }

  /** Returns how many changed. */
  reclaimOwned(ownerId: string): number {
    const leased = this.entries.filter(({ facts, lease }) => facts.ownerId === ownerId && lease !== undefined);
    for (const entry of leased) this.#expire(entry);
    return leased.length;
  }

  /** Returns how many changed. */
  reclaim(maxLeaseMs: number, maxDelayMs: number): number {
    let changed = 0;
    for (const entry of this.entries) {
      if (entry.lease !== undefined && entry.lease.expiresAt <= this.now) {
        this.#expire(entry);
      } else if (entry.lease !== undefined && entry.lease.expiresAt > this.now + maxLeaseMs) {
        entry.lease.expiresAt = this.now + maxLeaseMs;
      } else if (entry.state === 'waiting' && entry.dueAt > this.now + maxDelayMs) entry.dueAt = this.now;
      else continue;
      changed++;
    }
    return changed;
  }

  verb(verb: 'retry' | 'hold' | 'release' | 'remove', filter: QueueFilter): { changed: EntryKey[]; leased: number } {
    const changed: EntryKey[] = [];
    let leased = 0;
    for (const entry of this.matching(filter)) {
      const { state } = entry;
      if (state === 'leased' && (verb === 'retry' || verb === 'remove')) leased++;
      else if (verb === 'retry' && state === 'waiting') {
        entry.dueAt = Math.min(entry.dueAt, this.now);
        this.#note(entry, 'retry-now');
      } else if (verb === 'retry' && state === 'dead') {
        Object.assign(entry, { state: 'waiting', dueAt: this.now, attempts: 0, firstAttemptAt: undefined });
        this.#note(entry, 'retry-now');
      } else if (verb === 'hold' && state === 'waiting') {
        entry.state = 'held';
        this.#note(entry, 'held');
      } else if (verb === 'hold' && state === 'leased' && !entry.holdRequested) entry.holdRequested = true;
      else if (verb === 'release' && state === 'held') {
        entry.state = 'waiting';
        this.#note(entry, 'released');
      } else if (verb === 'release' && entry.holdRequested) entry.holdRequested = false;
      else if (verb === 'remove') this.remove(entry);
      else continue;
      if (!(state === 'leased' && (verb === 'retry' || verb === 'remove'))) changed.push(entry.facts);
    }
    return { changed, leased };
  }

  /** Nothing else happens while it runs. */
  rebuild(ownerId: string, spool: readonly NewEntry[]): { seen: number; added: number; moved: number; dropped: number } {
    const result = { seen: spool.length, added: 0, moved: 0, dropped: 0 };
    for (const facts of spool) {
      const known = this.find(facts);
      if (known === undefined) {
        this.add(facts, true);
        result.added++;
        continue;
      }
      if (known.state === 'leased') continue;
      const state = facts.state ?? 'waiting';
      if (state !== known.state) {
        known.state = state;
        this.#note(known, 'rebuilt');
        result.moved++;
      }
      if (state === 'waiting' && (known.attempts === 0 || (known.error?.at ?? 0) > this.now)) known.dueAt = Math.min(known.dueAt, this.now);
    }
    for (const entry of this.entries) {
      if (entry.facts.ownerId !== ownerId || entry.state === 'leased') continue;
      if (spool.some((facts) => facts.id === entry.facts.id && facts.destinationId === entry.facts.destinationId)) continue;
      this.remove(entry);
      result.dropped++;
    }
    return result;
  }

  matching(filter: QueueFilter): ModelEntry[] {
    return this.entries
      .filter(
        ({ facts, state, error }) =>
          (filter.ids?.includes(facts.id) ?? true) &&
          (filter.destinationId ?? facts.destinationId) === facts.destinationId &&
          (filter.ownerId ?? facts.ownerId) === facts.ownerId &&
          (filter.studyKey ?? facts.studyKey) === facts.studyKey &&
          (filter.sopInstanceUid ?? facts.sopInstanceUid) === facts.sopInstanceUid &&
          (filter.state ?? state) === state &&
          (filter.errorType === undefined || filter.errorType === error?.errorType) &&
          (filter.olderThan === undefined || facts.receivedAt < filter.olderThan) &&
          (filter.modality === undefined || filter.modality === facts.modality) &&
          (filter.callingAeTitle ?? facts.callingAeTitle) === facts.callingAeTitle,
      )
      .sort(byArrival);
  }

  #expire(entry: ModelEntry): void {
    this.#attempted(entry, { errorType: 'lease_expired' });
    entry.duplicates++;
    entry.dueAt = Math.min(entry.dueAt, this.now);
    this.#release(entry, 'waiting', 'lease-expired', entry.lease?.holder);
  }

  #attempted(entry: ModelEntry, error: { errorType: string; status?: number }): void {
    entry.attempts++;
    entry.firstAttemptAt ??= entry.lease?.claimedAt;
    entry.error = { at: this.now, ...error };
  }

  #note(entry: ModelEntry, what: HistoryEvent['what'], why?: string): void {
    entry.events.push({ at: this.now, what, ...(why === undefined ? {} : { why }) });
  }

  #release(entry: ModelEntry, to: EntryState, what: HistoryEvent['what'], why?: string): void {
    this.#note(entry, what, why);
    entry.state = to;
    if (to === 'waiting' && entry.holdRequested) {
      entry.state = 'held';
      this.#note(entry, 'held', 'asked for while it was being sent');
    }
    entry.lease = undefined;
    entry.holdRequested = false;
  }
}

function byArrival(left: ModelEntry, right: ModelEntry): number {
  // NUL is in none of them and below all.
  const key = ({ facts }: ModelEntry) => [facts.id, facts.destinationId, facts.ownerId].join('\0');
  return key(left) < key(right) ? -1 : 1;
}

function before(left: ModelEntry, right: ModelEntry): boolean {
  return left.dueAt !== right.dueAt ? left.dueAt < right.dueAt : byArrival(left, right) < 0;
}

/** The entry as a queue must tell it. */
export function expected(entry: ModelEntry): QueueEntry {
  const { state: _, dueAt: __, lastError: ___, ...facts } = entry.facts;
  return {
    ...facts,
    state: entry.state,
    dueAt: entry.dueAt,
    attempts: entry.attempts,
    ...(entry.firstAttemptAt === undefined ? {} : { firstAttemptAt: entry.firstAttemptAt }),
    ...(entry.error === undefined ? {} : { lastError: entry.error }),
    possibleDuplicates: entry.duplicates,
    history: entry.events.slice(-20),
    ...(entry.lease === undefined ? {} : { lease: { ...entry.lease } }),
    ...(entry.holdRequested ? { holdRequested: true } : {}),
  };
}
