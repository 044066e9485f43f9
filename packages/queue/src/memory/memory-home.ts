import { ENTRY_STATES, type EntryKey, type EntryState, type NewEntry, type QueueEntry } from '../entry.ts';
import type { Home, LeaseEnd, Place, Reconciliation, Refusal, Scope } from '../home.ts';
import type { ClaimRequest, Lease } from '../lease.ts';
import type { QueueLimits } from '../limits.ts';
import { compareKeys, compareText } from '../position.ts';
import type { DestinationCounts, QueueHealth, StateCounts } from '../queue.ts';
import { QueueUnavailable } from '../queue-error.ts';
import { afterVerb, aligned, expiry, type Settlement, settled, started, type Verb } from '../transitions.ts';

interface Destination {
  mark: number;
}

/** The twin of the real homes for tests of others: says the same, and goes over everything each time. */
export class MemoryHome implements Home {
  readonly #entries = new Map<string, { entry: QueueEntry; mark: number }>();
  readonly #destinations = new Map<string, Destination>();
  readonly #generation: string;
  #closed = false;

  constructor(generation: string) {
    this.#generation = generation;
  }

  async add(entries: readonly NewEntry[], reconcile?: Reconciliation): Promise<readonly ('added' | 'known' | 'moved')[]> {
    this.#open();
    return entries.map((entry) => {
      const known = this.#entries.get(nameOf(entry));
      this.#destination(entry.destinationId);
      if (known === undefined) {
        this.#put(started(entry, reconcile?.now));
        return 'added';
      }
      if (reconcile?.mark === undefined || known.mark >= reconcile.mark || known.entry.state === 'leased') return 'known';
      const change = aligned(known.entry, entry, reconcile.now);
      if (change !== undefined) this.#put(change.entry);
      return change?.moved === true ? 'moved' : 'known';
    });
  }

  async claim({ destinationId, ownerIds, leaseHolder, leaseMs, limit, now }: ClaimRequest, nonce: string): Promise<readonly QueueEntry[]> {
    this.#open();
    const due = this.#all()
      .filter((entry) => entry.destinationId === destinationId && (ownerIds === undefined || ownerIds.includes(entry.ownerId)))
      .filter((entry) => entry.state === 'waiting' && entry.dueAt <= now)
      .sort((left, right) => left.dueAt - right.dueAt || compareKeys(left, right));
    // A group stands where its first member stood.
    const studies = Map.groupBy(due, (entry) => (entry.studyKey === '' ? nameOf(entry) : `study ${entry.studyKey}`));
    const taken = [...studies.values()].flatMap((study) => study.sort(compareKeys)).slice(0, limit);
    return taken.map((entry, at) => {
      const lease = { token: `${at}.${nonce}`, holder: leaseHolder, claimedAt: now, expiresAt: now + leaseMs };
      return this.#put({ ...entry, state: 'leased', lease });
    });
  }

  async extend(lease: Lease, leaseMs: number, now: number): Promise<Refusal | undefined> {
    this.#open();
    const expiresAt = now + leaseMs;
    const entry = this.#under(lease);
    if (typeof entry === 'string') return entry;
    if (entry.lease !== undefined) this.#put({ ...entry, lease: { ...entry.lease, expiresAt } });
    return undefined;
  }

  async settle(ends: readonly LeaseEnd[], now: number): Promise<readonly (Refusal | undefined)[]> {
    this.#open();
    return ends.map(({ lease, settlement }) => {
      const entry = this.#under(lease);
      if (typeof entry === 'string') return entry;
      this.#end(entry, settlement, now);
      return undefined;
    });
  }

  async reclaim(now: number, { maxLeaseMs, maxDelayMs }: QueueLimits): Promise<number> {
    this.#open();
    let changed = 0;
    for (const entry of this.#all()) {
      const { lease } = entry;
      if (lease !== undefined && lease.expiresAt <= now) this.#end(entry, expiry(entry, now), now);
      else if (lease !== undefined && lease.expiresAt > now + maxLeaseMs) {
        this.#put({ ...entry, lease: { ...lease, expiresAt: now + maxLeaseMs } });
      } else if (entry.state === 'waiting' && entry.dueAt > now + maxDelayMs) this.#put({ ...entry, dueAt: now });
      else continue;
      changed++;
    }
    return changed;
  }

  async change(keys: readonly EntryKey[], verb: Verb, states: readonly EntryState[], now: number) {
    this.#open();
    const changed: QueueEntry[] = [];
    let leased = 0;
    for (const entry of await this.get(keys)) {
      if (!states.includes(entry.state)) continue;
      if (entry.state === 'leased' && (verb === 'retry' || verb === 'remove')) leased++;
      const after = afterVerb(entry, verb, now);
      if (after === undefined) continue;
      if (after === 'gone') this.#entries.delete(nameOf(entry));
      changed.push(after === 'gone' ? entry : this.#put(after));
    }
    return { changed, leased };
  }

  async places(): Promise<readonly Place[]> {
    this.#open();
    return [...Map.groupBy(this.#all(), ({ destinationId }) => destinationId)].map(([destinationId, entries]) => ({
      destinationId,
      ownerIds: [...new Set(entries.map(({ ownerId }) => ownerId))],
    }));
  }

  async read(scope: Scope, after: EntryKey | undefined, limit: number) {
    this.#open();
    const entries = this.#all()
      .filter((entry) => scope.destinationId === undefined || scope.destinationId === entry.destinationId)
      .filter((entry) => scope.ownerId === undefined || scope.ownerId === entry.ownerId)
      .filter((entry) => scope.studyKey === undefined || scope.studyKey === entry.studyKey)
      .filter((entry) => scope.states.includes(entry.state) && (after === undefined || compareKeys(entry, after) > 0))
      .sort(compareKeys);
    return { entries: entries.slice(0, limit), more: entries.length > limit };
  }

  async get(keys: readonly EntryKey[]): Promise<readonly QueueEntry[]> {
    this.#open();
    return keys.flatMap((key) => this.#entries.get(nameOf(key))?.entry ?? []);
  }

  async counts(ownerId: string | undefined): Promise<readonly DestinationCounts[]> {
    this.#open();
    return [...this.#destinations.keys()].sort(compareText).map((destinationId) => ({
      destinationId,
      states: Object.fromEntries(ENTRY_STATES.map((state) => [state, this.#count(destinationId, ownerId, state)])) as Record<
        EntryState,
        StateCounts
      >,
    }));
  }

  async nextDueAt(destinationId: string, ownerIds: readonly string[] | undefined): Promise<number | undefined> {
    this.#open();
    const { entries } = await this.read(scopeOf(destinationId, undefined, 'waiting'), undefined, Number.POSITIVE_INFINITY);
    const theirs = entries.filter(({ ownerId }) => ownerIds === undefined || ownerIds.includes(ownerId));
    return theirs.length === 0 ? undefined : Math.min(...theirs.map(({ dueAt }) => dueAt));
  }

  async beginRebuild(): Promise<ReadonlyMap<string, number>> {
    this.#open();
    return new Map([...this.#destinations].map(([destinationId, destination]) => [destinationId, ++destination.mark]));
  }

  async drop(keys: readonly EntryKey[], mark: number): Promise<number> {
    this.#open();
    const gone = keys.map(nameOf).filter((name) => {
      const known = this.#entries.get(name);
      return known !== undefined && known.entry.state !== 'leased' && known.mark < mark;
    });
    for (const name of gone) this.#entries.delete(name);
    return gone.length;
  }

  async health(): Promise<QueueHealth> {
    return this.#closed
      ? { home: 'memory', available: false, reason: 'closed', error: 'closed' }
      : { home: 'memory', available: true, generation: this.#generation };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #open(): void {
    if (this.#closed) throw new QueueUnavailable('closed', 'the queue is closed');
  }

  #all(): QueueEntry[] {
    return [...this.#entries.values()].map(({ entry }) => entry);
  }

  #destination(destinationId: string): Destination {
    const known = this.#destinations.get(destinationId) ?? { mark: 0 };
    this.#destinations.set(destinationId, known);
    return known;
  }

  #put(entry: QueueEntry): QueueEntry {
    this.#entries.set(nameOf(entry), { entry, mark: this.#destination(entry.destinationId).mark });
    return entry;
  }

  #under(lease: Lease): QueueEntry | Refusal {
    const entry = this.#entries.get(nameOf(lease))?.entry;
    if (entry === undefined) return 'gone';
    return entry.lease?.token === lease.token ? entry : 'stale';
  }

  #end(entry: QueueEntry, settlement: Settlement, now: number): void {
    const after = settled(entry, settlement, now);
    if (after === undefined) this.#entries.delete(nameOf(entry));
    else this.#put(after);
  }

  #count(destinationId: string, ownerId: string | undefined, state: EntryState): StateCounts {
    const entries = this.#all()
      .filter((entry) => entry.destinationId === destinationId && entry.state === state)
      .filter((entry) => ownerId === undefined || entry.ownerId === ownerId)
      .sort(compareKeys);
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    return { entries: entries.length, bytes, ...(entries[0] === undefined ? {} : { oldestReceivedAt: entries[0].receivedAt }) };
  }
}

function scopeOf(destinationId: string, ownerId: string | undefined, state: EntryState): Scope {
  return { destinationId, states: [state], ...(ownerId === undefined ? {} : { ownerId }) };
}

function nameOf({ destinationId, ownerId, id }: EntryKey): string {
  return JSON.stringify([destinationId, ownerId, id]);
}
