import type { EntryKey, EntryState, NewEntry, QueueEntry } from './entry.ts';
import type { ClaimRequest, Lease } from './lease.ts';
import type { QueueLimits } from './limits.ts';
import type { DestinationCounts, QueueHealth } from './queue.ts';
import type { QueueUnavailable } from './queue-error.ts';
import type { Settlement, Verb } from './transitions.ts';

export interface Place {
  readonly destinationId: string;
  readonly ownerIds: readonly string[];
}

export interface Scope {
  readonly destinationId?: string;
  readonly ownerId?: string;
  /** Not empty. */
  readonly studyKey?: string;
  readonly states: readonly EntryState[];
}

export interface ReadStep {
  readonly entries: readonly QueueEntry[];
  readonly more: boolean;
}

export interface Reconciliation {
  readonly now: number;
  /** What `beginRebuild` said for this destination; undefined: it was not there then, and its entries are newer than the rebuild. */
  readonly mark: number | undefined;
}

export type Refusal = 'gone' | 'stale';

export interface LeaseEnd {
  readonly lease: Lease;
  readonly settlement: Settlement;
}

/**
 * What a store has to do for a queue; `StoredQueue` makes the rest of it, the same for all. Every call is atomic by itself, and bounded in
 * what it touches. Every write stamps an entry with the mark of its destination, which `beginRebuild` counts up: so a rebuild can tell what
 * was touched since it began.
 */
export interface Home {
  /** All of one destination. Without `reconcile`, known entries stay as they are. */
  add(entries: readonly NewEntry[], reconcile?: Reconciliation): Promise<readonly ('added' | 'known' | 'moved')[]>;
  /** `nonce`: of every call another; the tokens are made of it. */
  claim(request: ClaimRequest, nonce: string): Promise<readonly QueueEntry[]>;
  extend(lease: Lease, leaseMs: number, now: number): Promise<Refusal | undefined>;
  /** All of one destination, each for itself, in order; a home that takes some and not others says so of these. */
  settle(ends: readonly LeaseEnd[], now: number): Promise<readonly (Refusal | QueueUnavailable | undefined)[]>;
  /** At most `limit` of every kind per destination; returns how many. */
  reclaim(now: number, limits: QueueLimits, limit: number): Promise<number>;
  /** All keys of one destination; only entries in one of the states. `changed`: as they are, for `remove` as they were. */
  change(
    keys: readonly EntryKey[],
    verb: Verb,
    states: readonly EntryState[],
    now: number,
  ): Promise<{ readonly changed: readonly QueueEntry[]; readonly leased: number }>;
  places(): Promise<readonly Place[]>;
  /** In order, from behind `after`. May stop early (`more`), but not with nothing read. */
  read(scope: Scope, after: EntryKey | undefined, limit: number): Promise<ReadStep>;
  /** All keys of one destination; those that are there. */
  get(keys: readonly EntryKey[]): Promise<readonly QueueEntry[]>;
  counts(ownerId: string | undefined): Promise<readonly DestinationCounts[]>;
  nextDueAt(destinationId: string, ownerIds: readonly string[] | undefined): Promise<number | undefined>;
  beginRebuild(): Promise<ReadonlyMap<string, number>>;
  /** All keys of one destination: those that are not leased, and not touched since the mark. Returns how many went. */
  drop(keys: readonly EntryKey[], mark: number): Promise<number>;
  health(): Promise<QueueHealth>;
  /** Left out: `health` leaves nothing behind. */
  inspect?(): Promise<QueueHealth>;
  /** Left out: the home is of one machine, where two cannot have one spool. Empty: no other is there. */
  present?(ownerId: string, by: string, forMs: number): Promise<string>;
  /** Left out as `present`. */
  isPresent?(ownerId: string): Promise<boolean>;
  close(): Promise<void>;
}
