import type { EntryKey, EntryState, NewEntry, QueueEntry } from './entry.ts';
import type { QueueFilter } from './filter.ts';
import type { Claimed, ClaimRequest, Ending, Lease, Outcome } from './lease.ts';
import type { LeaseLost, QueueUnavailable } from './queue-error.ts';

/**
 * The schedule over the spool: what is to be sent when, what was tried, who is sending it. The spool is the truth about what is waiting; the
 * schedule can be lost and rebuilt, and no file is ever deleted on its word alone. Hence the order of things: into the spool before `add`;
 * out of the spool before, or regardless of, `settle` with `delivered`; for `remove`, out of the schedule first.
 *
 *                 add            claim                settle: delivered
 *     (spool) ──────────> waiting ─────> leased ──────────────────────────> (gone)
 *                  hold │  ▲  ▲ └──────────┤ retry, unsent, lease expired
 *                       ▼  │release        ├──────> held
 *                      held│  │retry       └──────> dead
 *                          └──┴─ dead
 *
 * Every call may fail with `QueueUnavailable`. Every `now` is the caller's wall clock in milliseconds since 1970; see `QueueLimits` for
 * what happens when it steps.
 */
export interface Queue {
  /**
   * Puts an instance that is in the spool into the schedule. One that is there already stays as it is.
   * @throws RangeError the entry is not one: its id is empty, too long, or has other than printable ASCII characters
   */
  add(entry: NewEntry): Promise<'added' | 'known'>;

  /**
   * Leases what is due, from as few studies as possible: the study of the entry that is due first, what is due of it in order of arrival,
   * then the next. Of two that are due at the same time, the one that arrived first.
   */
  claim(request: ClaimRequest): Promise<readonly Claimed[]>;

  /**
   * The lease, from now on for `leaseMs`; the token stays. A lease that has run out but was not taken back is still in force.
   * @throws LeaseLost
   */
  extend(lease: Lease, leaseMs: number, now: number): Promise<Lease>;

  /** @throws LeaseLost */
  settle(lease: Lease, outcome: Outcome, now: number): Promise<void>;

  /**
   * As `settle` of each, in order, in one step: for one destination's many. What is wrong with one is no matter of the others.
   * @returns in the same order: undefined where it is settled, else what `settle` would have thrown
   * @throws RangeError of different destinations, or an outcome is not one: nothing has been changed
   */
  settleMany(endings: readonly Ending[], now: number): Promise<readonly (LeaseLost | QueueUnavailable | undefined)[]>;

  /**
   * Brings back what processes that died were sending: waiting again and due as before, an attempt and a possible duplicate more. To be
   * called every few seconds by anybody. Returns how many entries changed. In Redis it is Redis' clock that leases run out by, so that those who
   * share it need not agree on the time; in the others, whose callers are on one machine, `now`.
   */
  reclaimExpired(now: number): Promise<number>;

  /**
   * As `reclaimExpired`, of all leases on one owner's entries, run out or not: for whoever has just taken that owner's spool for itself alone, so that
   * nobody else can be sending anything of it. Else what a process was sending when it was killed would wait for its leases to run out, and
   * what came later would go before it.
   */
  reclaimOwned(ownerId: string, now: number): Promise<number>;

  /** Waiting: due now. Dead: waiting, due now, with a new budget (attempts 0, no first attempt). Others: untouched. */
  retry(filter: QueueFilter, now: number, options?: VerbOptions): Promise<VerbResult>;
  /** Waiting: held. Leased: held when the lease ends without delivery. Others: untouched. */
  hold(filter: QueueFilter, now: number, options?: VerbOptions): Promise<VerbResult>;
  /** Held: waiting, due as before. Leased with a hold asked for: not any more. Others: untouched. */
  release(filter: QueueFilter, now: number, options?: VerbOptions): Promise<VerbResult>;
  /** Waiting, held, dead: gone from the schedule; the file stays. Leased: untouched. */
  remove(filter: QueueFilter, now: number, options?: VerbOptions): Promise<VerbResult>;

  /**
   * Entries in order of arrival (then destination, then owner), from behind the cursor of the page before; undefined starts. A page can be
   * short, even empty, before the end: what is read per call is bounded too. The end is where there is no `next`. Entries that come, go
   * or change meanwhile do not make others appear twice or be missed.
   */
  page(filter: QueueFilter, cursor: PageCursor | undefined, limit: number): Promise<QueuePage>;

  /** One element per destination, in order of their ids. Kept as entries change: nothing is scanned. */
  counts(filter?: { readonly ownerId?: string }): Promise<readonly DestinationCounts[]>;

  /** When the next entry, of these owners, is due, maybe in the past; undefined if none waits. */
  nextDueAt(destinationId: string, ownerIds?: readonly string[]): Promise<number | undefined>;

  /**
   * Makes the schedule of one owner equal to its spool: what is missing is added, what the spool has in another state is moved there, what
   * the spool does not have is dropped. Attempts and errors of known entries stay. What is leased, and what was added or changed since the
   * call began, is left alone. May run at any time; to be run at start, when `generation` has changed, and every now and then.
   * An entry whose file went away while this ran may be added: a claim can find no file, and settles it as delivered.
   * While it runs it remembers the spool's ids, 16 bytes each. `spool` as a function: see {@link SpoolTelling}.
   * @throws RangeError an entry is of another owner
   */
  rebuild(ownerId: string, spool: AsyncIterable<NewEntry> | SpoolTelling, now: number, options?: RebuildOptions): Promise<RebuildResult>;

  /** Never throws. */
  health(): Promise<QueueHealth>;

  /** The same for who only looks, and leaves nothing in the home: without `generation`, and with what would befall it in time (`evicts`). */
  inspect(): Promise<Omit<QueueHealth, 'generation'>>;

  /**
   * Says that this process, `by` name, is there under an owner id, for so long. Returns another that has said so, if its time is not over; undefined:
   * none has, or the home is one that no other machine has.
   */
  present(ownerId: string, by: string, forMs: number): Promise<string | undefined>;

  /** Whether one has said so, and its time is not over; nobody ever has in a home that no other machine has. @throws QueueUnavailable */
  isPresent(ownerId: string): Promise<boolean>;

  /** Lets go of the home. Calls after it fail; leases stay until they expire. */
  close(): Promise<void>;
}

export interface VerbOptions {
  /**
   * Told of the entries that were changed, as they are now (for `remove`: as they were), some hundred at a time, before the next are
   * changed: so that the spool can follow.
   */
  readonly onChanged?: (entries: readonly QueueEntry[]) => Promise<void> | void;
}

export interface VerbResult {
  readonly changed: number;
  /** Matched, and left alone because they are being sent. */
  readonly leased: number;
}

/** Opaque; good in any process, and in another run. */
export type PageCursor = string;

export interface QueuePage {
  readonly entries: readonly QueueEntry[];
  readonly next?: PageCursor;
}

export interface StateCounts {
  readonly entries: number;
  readonly bytes: number;
  /** Of the first in order of arrival; undefined where there are none. */
  readonly oldestReceivedAt?: number;
}

export interface DestinationCounts {
  readonly destinationId: string;
  readonly states: Readonly<Record<EntryState, StateCounts>>;
}

/**
 * Of these ids of one state of the spool, those that the schedule knows as they are: they count as told, and nobody needs to look into their
 * files. An id has one destination, whoever asks.
 */
export type KnownAsTheyAre = (ids: readonly string[], state: NonNullable<NewEntry['state']>) => Promise<ReadonlySet<string>>;

/** Tells of everything in the spool but for what it was told is known; after a usual restart that is nearly all. */
export type SpoolTelling = (known: KnownAsTheyAre) => AsyncIterable<NewEntry>;

export interface RebuildOptions {
  /** Asked before an entry is dropped, because a file can be renamed past whoever lists a folder: true keeps it. */
  readonly stillInSpool?: (key: EntryKey) => Promise<boolean>;
  /** Told of each that was known in another state than it has in the spool, with that of the spool. */
  readonly onMoved?: (entry: NewEntry) => void;
}

export interface RebuildResult {
  /** Entries that the spool told of. */
  readonly seen: number;
  readonly added: number;
  /** Known, and now in the spool's state. */
  readonly moved: number;
  readonly dropped: number;
}

export interface QueueHealth {
  readonly home: 'sqlite' | 'redis' | 'memory';
  readonly available: boolean;
  /**
   * Another value than before: the home lost its memory in between (emptied, replaced, moved aside), or may have lost some of it (Redis: with each
   * lost connection), and a rebuild is due. Of one process: others count other connections.
   */
  readonly generation?: string;
  /**
   * It answers, and takes no writes: `new`, nothing new, while what it has can be sent and removed (it is full); `all`, none at all, so that nothing
   * is sent. Left out: it takes what comes. To be known without a write: of SQLite it is not.
   */
  readonly refuses?: 'new' | 'all';
  /** How it chooses what it throws away to take something new when it is full (Redis: `maxmemory-policy`); left out: nothing, or that is not known. */
  readonly evicts?: string;
  /** Why it is not available, or refuses: in a word of a closed list (a code of QueueUnavailable, or how Redis begins: `oom`, `readonly`, …) … */
  readonly reason?: string;
  /** … and in the words of whoever said it. */
  readonly error?: string;
  /** Where broken databases were put. */
  readonly movedAside?: readonly string[];
}
