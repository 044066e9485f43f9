/**
 * Ends what was claimed: first in the spool, which is the truth, then in the schedule, then in telemetry.
 *
 *     delivered   the destination's response ──> remove the file ──> settle delivered
 *     dead        move the file to `dead`, or aside if it is damaged ──> settle dead
 *     retry       settle retry
 *
 * Of one instance each step begins when the one before is over; other instances are sent meanwhile (see Unsettled). A crash between two
 * steps costs a duplicate or a look in vain, never an instance. A schedule that is away is waited for as long as the lease lasts; after that
 * the entry comes back by itself, and finds its file or not.
 */
import type { RetryConfig } from '@radiotracer/config';
import type { DeliveryFault, Outcome, QueueEntry } from '@radiotracer/queue';
import { type Spool, SpoolError } from '@radiotracer/spool';
import type { DeliveryAttempted, DeliveryErrorType, Publish } from '@radiotracer/telemetry';
import type { Clock } from '@radiotracer/upper-layer';
import { statusClass } from '@radiotracer/wire';
import { backoffMs } from './backoff.ts';
import type { DeliveryCounts } from './counts.ts';
import { factsOf, factsOfEntry, foundDead } from './facts.ts';
import type { Held } from './held.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { Pauses } from './pauses.ts';
import type { Settled, Settlements } from './settlements.ts';
import type { Unremoved } from './unremoved.ts';

/** An attempt as it went. */
export interface Attempt {
  readonly startedAt: number;
  /** Undefined: the last byte never left. */
  readonly requestEndAt?: number | undefined;
  readonly endedAt: number;
  /** Undefined: no response, or one without a status. */
  readonly status?: number | undefined;
}

export interface Failure {
  readonly attempt: Attempt;
  readonly errorType: DeliveryErrorType;
  readonly possibleDuplicate: boolean;
}

export interface SettlerOptions {
  readonly spool: Pick<Spool, 'move' | 'remove' | 'quarantine' | 'isAside'>;
  readonly unremoved: Unremoved;
  readonly settlements: Settlements;
  readonly leases: LeaseKeeper;
  readonly pauses: Pauses;
  readonly retry: RetryConfig;
  readonly counts: DeliveryCounts;
  readonly publish: Publish;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Between two tries to remove a file. */
const againPolicy: RetryConfig = { initialMs: 500, maxMs: 10_000, budgetMs: 0 };
const removals = 3;
/** Before one is given up for the time that it has taken. */
const minAttempts = 8;
/** Why an entry is held that nobody sends any more; in its history. */
export const fileRemains = 'delivered, but its file could not be removed';

export class Settler {
  readonly #options: SettlerOptions;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  delivered(held: Held, attempt: Attempt): Promise<void> {
    return this.#arrived(held, attempt, 'delivered');
  }

  /** An identical one was delivered while this one waited: the destination has it, and gets it once. */
  spared(held: Held): Promise<void> {
    const now = this.#options.clock.now();
    return this.#arrived(held, { startedAt: now, endedAt: now }, 'spared');
  }

  async #arrived(held: Held, attempt: Attempt, outcome: 'delivered' | 'spared'): Promise<void> {
    const { counts, unremoved } = this.#options;
    const isSecond = wasDelivered(held.entry);
    const removed = await this.#remove(held);
    if (!removed) unremoved.add(held.entry);
    const kept: Outcome = { kind: 'held', why: fileRemains, error: { errorType: 'spool_failure' } };
    const settled = await this.#settle(held, removed ? { kind: 'delivered' } : kept);
    const possibleDuplicate = settled === 'stale' || held.lost || isSecond;
    // What is stale was counted when it was settled.
    if (isSecond && settled !== 'stale') counts.possibleDuplicates++;
    counts.delivered++;
    if (attempt.status !== undefined && statusClass(attempt.status) === 'warning') counts.withWarning++;
    this.#tell(held, { attempt, errorType: removed ? undefined : 'spool_failure', possibleDuplicate }, outcome);
  }

  /**
   * Due again, or given up if it has been tried for too long. Nobody who was never tried is given up: the budget starts with the first
   * attempt, not with the arrival; and nobody who was tried a few times only, for between two attempts the clock may have been set.
   */
  async retry(held: Held, failure: Failure, { dueAt, within, forEver = false }: RetryTerms = {}): Promise<void> {
    const { clock, retry, random, counts } = this.#options;
    const now = Math.trunc(clock.now());
    const { entry } = held;
    if (!forEver && entry.attempts + 1 >= minAttempts) {
      const triedForMs = now - (entry.firstAttemptAt ?? held.lease.claimedAt);
      if (within !== undefined && triedForMs >= within.ms) return await this.dead(held, failure, { errorType: within.errorType });
      const exhausted = retry.budgetMs > 0 && triedForMs >= retry.budgetMs;
      if (exhausted) return await this.dead(held, failure, { errorType: 'retry_budget_exhausted' });
    }
    const due = dueAt ?? now + backoffMs(retry, entry.attempts + 1, random);
    const possibleDuplicate = failure.possibleDuplicate || held.lost;
    await this.#settle(held, { kind: 'retry', dueAt: due, error: faultOf(failure), possibleDuplicate });
    counts.retried++;
    this.#tell(held, { ...failure, possibleDuplicate }, 'retry', due);
  }

  /** Given up. `quarantine`: why its bytes are not to be trusted; it is moved aside. */
  async dead(held: Held, failure: Failure, terms: DeadTerms = {}): Promise<void> {
    const { counts, publish, clock } = this.#options;
    const errorType = terms.errorType ?? failure.errorType;
    const place = await this.#bury(held, terms.quarantine);
    if (place === 'unmoved') {
      // It would come back from the spool as one that waits: so it does, later.
      return await this.retry(held, { ...failure, errorType: 'spool_failure' }, { forEver: true });
    }
    const possibleDuplicate = failure.possibleDuplicate || held.lost;
    await this.#settle(held, { kind: 'dead', error: { ...faultOf(failure), errorType }, possibleDuplicate });
    counts.dead++;
    this.#tell(held, { ...failure, possibleDuplicate }, 'dead');
    publish({
      ...factsOf(held.envelope),
      type: 'delivery.dead_lettered',
      at: clock.now(),
      attempts: held.entry.attempts + 1,
      errorType,
      status: failure.attempt.status,
      contextResult: terms.contextResult,
      quarantined: place === 'aside',
    });
  }

  /** Given back as it was: nothing was tried. */
  async unsent(held: Held, why: string, dueAt: number = held.entry.dueAt): Promise<void> {
    await this.#settle(held, { kind: 'unsent', dueAt, why });
  }

  /** Broken off by our own stop, before the last byte. */
  async brokenOff(held: Held, attempt: Attempt): Promise<void> {
    await this.unsent(held, 'the proxy stopped');
    this.#tell(held, { attempt, errorType: 'shutdown', possibleDuplicate: false }, 'unsent');
  }

  /** It has come back, by the word of a person or because the schedule never heard of it: delivered it is all the same. */
  async deliveredBefore(claimed: Pick<Held, 'lease' | 'entry'>): Promise<void> {
    const removed = await this.#options.unremoved.remove(claimed.entry);
    await this.#settle(claimed, removed ? { kind: 'delivered' } : { kind: 'held', why: fileRemains });
  }

  /**
   * Its file is not there any more: moved aside, by who looked into it before us; or delivered before a crash, or taken away by a person or a
   * broken disk. Which of these nobody knows, so it is told.
   */
  async gone(held: Pick<Held, 'lease' | 'entry'>): Promise<void> {
    const { spool, counts, publish, clock } = this.#options;
    const isAside = await spool.isAside(held.entry.id).catch(() => undefined);
    if (isAside === undefined) return await this.unreadable(held);
    if (isAside) return await this.#damaged(held);
    counts.gone++;
    await this.#settle(held, { kind: 'delivered' });
    publish({ type: 'spool.found', at: clock.now(), kind: 'missing', instanceId: held.entry.id, moved: false });
  }

  /** In the spool it is held by a person, or was given up and a crash kept the schedule from hearing of it: the schedule follows. */
  async follow(held: Pick<Held, 'lease' | 'entry'>, state: 'held' | 'dead'): Promise<void> {
    const { publish, clock } = this.#options;
    if (state === 'held') return void (await this.#settle(held, { kind: 'held', why: 'held in the spool' }));
    await this.#settle(held, { kind: 'dead', error: { errorType: 'dead_in_spool' }, possibleDuplicate: false });
    publish(foundDead(held.entry, clock.now()));
  }

  /** Could not even be looked at. Told once, and not at each attempt: no attempt at the destination tells it. */
  async unreadable(held: Pick<Held, 'lease' | 'entry'>): Promise<void> {
    const { clock, retry, random, publish } = this.#options;
    const { id, attempts, lastError } = held.entry;
    const now = clock.now();
    const dueAt = Math.trunc(now) + backoffMs(retry, attempts + 1, random);
    await this.#settle(held, { kind: 'retry', dueAt, error: { errorType: 'spool_failure' }, possibleDuplicate: false });
    if (lastError?.errorType === 'spool_failure') return;
    publish({ type: 'spool.found', at: now, kind: 'unreadable', instanceId: id, moved: false });
  }

  /** Its front is not what was written. */
  async damaged(held: Pick<Held, 'lease' | 'entry'>, why: string): Promise<void> {
    await this.#options.spool.quarantine(held.entry.id, why).catch(() => {});
    await this.#damaged(held);
  }

  /** There is no envelope: what is told of it is what the schedule knows. */
  async #damaged(held: Pick<Held, 'lease' | 'entry'>): Promise<void> {
    const { counts, publish, clock } = this.#options;
    const { entry } = held;
    const errorType = 'instance_damaged' as const;
    counts.dead++;
    await this.#settle(held, { kind: 'dead', error: { errorType }, possibleDuplicate: false });
    const ended = {
      at: clock.now(),
      attempts: entry.attempts + 1,
      errorType,
      status: undefined,
      contextResult: undefined,
      quarantined: true,
    };
    publish({ ...factsOfEntry(entry), type: 'delivery.dead_lettered', ...ended });
  }

  /** True when it is not in the spool any more. */
  async #remove(held: Held): Promise<boolean> {
    const { spool, pauses, random } = this.#options;
    for (let tries = 1; ; tries++) {
      try {
        await spool.remove(held.entry.id, held.fileBytes);
        return true;
      } catch (error) {
        if (error instanceof SpoolError && error.code === 'unknown-instance') return true;
        if (tries === removals) return false;
      }
      await pauses.sleep(backoffMs(againPolicy, tries, random));
    }
  }

  async #bury(held: Held, quarantine: string | undefined): Promise<'dead' | 'aside' | 'unmoved'> {
    const { spool } = this.#options;
    try {
      if (quarantine === undefined) await spool.move(held.entry.id, 'dead');
      else await spool.quarantine(held.entry.id, quarantine);
    } catch (error) {
      if (!(error instanceof SpoolError && error.code === 'unknown-instance')) return 'unmoved';
    }
    return quarantine === undefined ? 'dead' : 'aside';
  }

  async #settle(held: Pick<Held, 'lease'> & Partial<Held>, outcome: Outcome): Promise<Settled> {
    const { settlements, leases, counts } = this.#options;
    if (held.entry !== undefined) leases.drop(held as Held);
    if ('possibleDuplicate' in outcome && outcome.possibleDuplicate === true) counts.possibleDuplicates++;
    const settled = await settlements.settle(held.lease, outcome);
    if (settled === 'stale') {
      // What was noticed before is counted.
      if (held.lost !== true) counts.leasesLost++;
      if (outcome.kind === 'delivered') counts.possibleDuplicates++;
    }
    return settled;
  }

  #tell(
    held: Held,
    { attempt, errorType, possibleDuplicate }: Omit<Failure, 'errorType'> & { readonly errorType: DeliveryErrorType | undefined },
    outcome: DeliveryAttempted['outcome'],
    nextDueAt?: number,
  ): void {
    const { status } = attempt;
    this.#options.publish({
      ...factsOf(held.envelope),
      type: 'delivery.attempted',
      attempt: held.entry.attempts + 1,
      startedAt: attempt.startedAt,
      requestEndAt: attempt.requestEndAt,
      endedAt: attempt.endedAt,
      status,
      statusClass: status === undefined ? undefined : statusClass(status),
      outcome,
      errorType,
      possibleDuplicate,
      nextDueAt,
      associationId: held.associationId,
    });
  }
}

export interface RetryTerms {
  /** Default: by the backoff. */
  readonly dueAt?: number;
  /** A shorter budget than the destination's, and what it is given up for then. */
  readonly within?: { readonly ms: number; readonly errorType: DeliveryErrorType };
  /** No budget. */
  readonly forEver?: boolean;
}

export interface DeadTerms {
  readonly errorType?: DeliveryErrorType;
  readonly contextResult?: number | undefined;
  readonly quarantine?: string;
}

/** By a process before this one, that could not remove its file. */
function wasDelivered({ history }: QueueEntry): boolean {
  return history.some(({ why }) => why === fileRemains);
}

function faultOf({ errorType, attempt }: Failure): DeliveryFault {
  return { errorType, ...(attempt.status === undefined ? {} : { status: attempt.status }) };
}
