import { randomBytes } from 'node:crypto';
import { checkClaim, checkedEntry, checkLease, checkTime } from './check-entry.ts';
import { type EntryState, keyOf, type NewEntry, type QueueEntry } from './entry.ts';
import type { QueueFilter } from './filter.ts';
import type { Home, Refusal } from './home.ts';
import type { Claimed, ClaimRequest, Ending, Lease, Outcome } from './lease.ts';
import { DEFAULT_LIMITS, type QueueLimits } from './limits.ts';
import { cursorOf, keyOfCursor } from './position.ts';
import type {
  DestinationCounts,
  PageCursor,
  Queue,
  QueueHealth,
  QueuePage,
  RebuildOptions,
  RebuildResult,
  SpoolTelling,
  VerbOptions,
  VerbResult,
} from './queue.ts';
import { LeaseLost, QueueUnavailable } from './queue-error.ts';
import { rebuildHome } from './rebuild.ts';
import { byDestination, scan } from './scan.ts';
import { expiry, keptText, settlementOf, VERB_STATES, type Verb } from './transitions.ts';

/** Entries per atomic step of what goes over many: a step must not keep others waiting. */
const STEP_ENTRIES = 256;
const RECLAIM_ENTRIES = 500;
/** Read per call of `page`, whatever matches. */
const PAGE_READ_ENTRIES = 4096;
const MAX_PAGE_ENTRIES = 1000;
const ALL_STATES: readonly EntryState[] = ['waiting', 'leased', 'held', 'dead'];

/** A queue made of a store: checks, paging, verbs and rebuild, which are the same wherever the schedule is kept. */
export class StoredQueue implements Queue {
  readonly #home: Home;
  readonly #limits: QueueLimits;

  constructor(home: Home, limits: Partial<QueueLimits> = {}) {
    this.#home = home;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  async add(entry: NewEntry): Promise<'added' | 'known'> {
    const [result] = await this.#home.add([checkedEntry(entry)]);
    return result === 'added' ? 'added' : 'known';
  }

  async claim(request: ClaimRequest): Promise<readonly Claimed[]> {
    checkClaim(request, this.#limits);
    const holder = { ...request, leaseHolder: keptText(request.leaseHolder) };
    const entries = await this.#home.claim(holder, randomBytes(8).toString('hex'));
    return entries.flatMap((entry) => (entry.lease === undefined ? [] : [{ entry, lease: { ...keyOf(entry), ...entry.lease } }]));
  }

  async extend(lease: Lease, leaseMs: number, now: number): Promise<Lease> {
    checkLease(leaseMs, now, this.#limits);
    refused(await this.#home.extend(lease, leaseMs, now));
    return { ...lease, expiresAt: now + leaseMs };
  }

  async settle(lease: Lease, outcome: Outcome, now: number): Promise<void> {
    const [error] = await this.settleMany([{ lease, outcome }], now);
    if (error !== undefined) throw error;
  }

  async settleMany(endings: readonly Ending[], now: number): Promise<readonly (LeaseLost | QueueUnavailable | undefined)[]> {
    checkTime('now', now);
    const destinationId = endings[0]?.lease.destinationId;
    if (destinationId === undefined) return [];
    const ends = endings.map(({ lease, outcome }) => {
      if (lease.destinationId !== destinationId) throw new RangeError('leases of different destinations');
      if ('dueAt' in outcome) checkTime('dueAt', outcome.dueAt);
      return { lease, settlement: settlementOf(outcome, now, this.#limits) };
    });
    const answers = await this.#home.settle(ends, now);
    return answers.map((answer) => (answer === undefined || answer instanceof QueueUnavailable ? answer : new LeaseLost(answer)));
  }

  async reclaimExpired(now: number): Promise<number> {
    checkTime('now', now);
    let all = 0;
    for (;;) {
      const changed = await this.#home.reclaim(now, this.#limits, RECLAIM_ENTRIES);
      all += changed;
      if (changed === 0) return all;
      await breath();
    }
  }

  async reclaimOwned(ownerId: string, now: number): Promise<number> {
    checkTime('now', now);
    let all = 0;
    for await (const { matching } of scan(this.#home, { ownerId }, ['leased'], undefined, STEP_ENTRIES)) {
      for (const entries of byDestination(matching)) {
        const ends = entries.flatMap((entry) =>
          entry.lease === undefined ? [] : [{ lease: { ...keyOf(entry), ...entry.lease }, settlement: expiry(entry, now) }],
        );
        const answers = await this.#home.settle(ends, now);
        all += answers.filter((answer) => answer === undefined).length;
      }
      await breath();
    }
    return all;
  }

  retry(filter: QueueFilter, now: number, options?: VerbOptions): Promise<VerbResult> {
    return this.#each('retry', filter, now, options);
  }

  hold(filter: QueueFilter, now: number, options?: VerbOptions): Promise<VerbResult> {
    return this.#each('hold', filter, now, options);
  }

  release(filter: QueueFilter, now: number, options?: VerbOptions): Promise<VerbResult> {
    return this.#each('release', filter, now, options);
  }

  remove(filter: QueueFilter, now: number, options?: VerbOptions): Promise<VerbResult> {
    return this.#each('remove', filter, now, options);
  }

  async page(filter: QueueFilter, cursor: PageCursor | undefined, limit: number): Promise<QueuePage> {
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_PAGE_ENTRIES) throw new RangeError(`limit is 1 to ${MAX_PAGE_ENTRIES}`);
    const after = cursor === undefined ? undefined : keyOfCursor(cursor);
    const entries: QueueEntry[] = [];
    let read = 0;
    // One more than asked for says whether there is a next page, for filters that the home's indexes cover.
    for await (const step of scan(this.#home, filter, ALL_STATES, after, Math.min(limit + 1, STEP_ENTRIES))) {
      entries.push(...step.matching);
      read += step.read;
      const last = entries[limit - 1];
      if (entries.length > limit && last !== undefined) return { entries: entries.slice(0, limit), next: cursorOf(last) };
      if (read >= PAGE_READ_ENTRIES && step.last !== undefined && step.more) return { entries, next: cursorOf(step.last) };
    }
    return { entries };
  }

  counts(filter: { readonly ownerId?: string } = {}): Promise<readonly DestinationCounts[]> {
    return this.#home.counts(filter.ownerId);
  }

  nextDueAt(destinationId: string, ownerIds?: readonly string[]): Promise<number | undefined> {
    return this.#home.nextDueAt(destinationId, ownerIds);
  }

  rebuild(
    ownerId: string,
    spool: AsyncIterable<NewEntry> | SpoolTelling,
    now: number,
    options: RebuildOptions = {},
  ): Promise<RebuildResult> {
    checkTime('now', now);
    return rebuildHome(this.#home, ownerId, spool, now, options);
  }

  health(): Promise<QueueHealth> {
    return this.#home.health();
  }

  async inspect(): Promise<Omit<QueueHealth, 'generation'>> {
    const { generation, ...health } = await (this.#home.inspect?.() ?? this.#home.health());
    return health;
  }

  async present(ownerId: string, by: string, forMs: number): Promise<string | undefined> {
    return (await this.#home.present?.(ownerId, by, forMs)) || undefined;
  }

  async isPresent(ownerId: string): Promise<boolean> {
    return (await this.#home.isPresent?.(ownerId)) ?? false;
  }

  close(): Promise<void> {
    return this.#home.close();
  }

  async #each(verb: Verb, filter: QueueFilter, now: number, options: VerbOptions = {}): Promise<VerbResult> {
    checkTime('now', now);
    const states = filter.state === undefined ? VERB_STATES[verb] : VERB_STATES[verb].filter((state) => state === filter.state);
    let changed = 0;
    let leased = 0;
    for await (const { matching } of scan(this.#home, filter, states, undefined, STEP_ENTRIES)) {
      for (const entries of byDestination(matching)) {
        // What was read may have changed since: the home looks at the state again, in the same step in which it acts.
        const step = await this.#home.change(entries.map(keyOf), verb, states, now);
        changed += step.changed.length;
        leased += step.leased;
        if (step.changed.length > 0) await options.onChanged?.(step.changed);
      }
      await breath();
    }
    return { changed, leased };
  }
}

function refused(refusal: Refusal | undefined): void {
  if (refusal !== undefined) throw new LeaseLost(refusal);
}

/** Between the steps of something long others have their turn: the embedded home works in the caller's thread. */
function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
