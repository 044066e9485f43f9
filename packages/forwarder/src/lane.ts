/**
 * One association, and what goes on it:
 *
 *     group ──> read ahead ──> send, await the response ──> settled beside the next ones
 *                 several          one at a time               several
 */
import { SpoolError } from '@radiotracer/spool';
import type { AssociationErrorType, Clock } from '@radiotracer/upper-layer';
import type { CommandSet } from '@radiotracer/wire';
import type { DeliveredLately } from './delivered-lately.ts';
import type { Group, Held } from './held.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { Pauses } from './pauses.ts';
import { ReadAhead } from './read-ahead.ts';
import type { Opened, Reading, ReadingParts } from './reading.ts';
import type { Attempt, Settler } from './settler.ts';
import { type StatusRule, verdictOn } from './status-policy.ts';
import { type ContextFacts, errorTypeOf, type StoreAssociation } from './store-association.ts';
import type { Unsettled } from './unsettled.ts';

/** Who gives a lane its work, and is told how its association went. */
export interface LaneHost {
  /** The next group, as soon as there is one; undefined: none came in time, or there will be none. */
  next(lane: Lane): Promise<Group | undefined>;
  /** Whether the next instance may be begun. */
  mayGoOn(lane: Lane): boolean;
  /** How long to leave the destination to others now, after an instance that took so long. */
  yieldMs(tookMs: number): number;
  newAssociation(group: Group, contexts: Iterable<ContextFacts>): StoreAssociation;
  opened(group: Group): void;
  /** The association could not be had; nothing of the group was sent. What stays in the group is given back or tried again. */
  notOpened(group: Group, error: unknown): Promise<void>;
  answered(): void;
  /** Out of resources, to one of the group. */
  busy(group: Group): void;
  /** The association ended before its time, with one of the group. `useful`: something had come of it. */
  broke(group: Group, errorType: AssociationErrorType, useful: boolean): void;
  /** The group is not being served any more; what is left in it waits. */
  left(group: Group): void;
  /** One of those claimed is being sent or has gone. */
  took(): void;
}

export interface LaneParts {
  readonly host: LaneHost;
  readonly reading: Omit<ReadingParts, 'closed'>;
  readonly aheadBytes: number;
  readonly maxAhead: number;
  readonly freshMs: number;
  readonly leases: LeaseKeeper;
  readonly settler: Settler;
  readonly unsettled: Unsettled;
  readonly pauses: Pauses;
  readonly rules: readonly StatusRule[];
  /** Undefined: others deliver, too, by clocks of their own. */
  readonly lately: DeliveredLately | undefined;
  readonly clock: Clock;
}

const settleBeforeReleaseMs = 1_000;
const lookedAgain = 2;
/** A status that nobody knows is given a day: it may be a passing mood, and it must not be sent again for a week. */
const unknownStatusBudgetMs = 24 * 3_600_000;

/** One association at a time, kept from group to group. */
export class Lane {
  readonly #parts: LaneParts;
  readonly #ahead: ReadAhead;
  #association: StoreAssociation | undefined;
  #aborted = false;

  constructor(parts: LaneParts) {
    this.#parts = parts;
    this.#ahead = new ReadAhead({ ...parts.reading, maxBytes: parts.aheadBytes, maxAhead: parts.maxAhead });
  }

  /** Serves groups until there are no more. */
  async run(): Promise<void> {
    const { host } = this.#parts;
    try {
      for (let group = await host.next(this); group !== undefined; group = await host.next(this)) {
        try {
          await this.#serve(group);
        } finally {
          host.left(group);
        }
      }
    } finally {
      await this.#release();
      await this.#parts.unsettled.none();
    }
  }

  /** Ends the association at once; what is being sent is settled by how far it was. */
  abort(): void {
    this.#aborted = true;
    this.#association?.abort();
  }

  /** How well the association that we have fits: the same AE titles. */
  fits(group: Group): boolean {
    return this.#association?.usable === true && sameTitles(this.#association, group);
  }

  async #serve(group: Group): Promise<void> {
    const { host, leases, pauses, settler, unsettled, lately, clock } = this.#parts;
    for (let held = group.held[0]; held !== undefined; held = group.held[0]) {
      await unsettled.room();
      if (!host.mayGoOn(this)) return;
      if (!(await leases.secure(held))) {
        // Another has it, or will: quietly.
        leases.drop(held);
        group.held.shift();
        continue;
      }
      if (lately?.has(held.envelope, clock.now()) === true) {
        group.held.shift();
        unsettled.add(settler.spared(held));
        host.took();
        continue;
      }
      let association: StoreAssociation | undefined;
      try {
        association = await this.#associationFor(group, held);
      } catch (error) {
        await host.notOpened(group, error);
        return;
      }
      if (association === undefined) return;
      group.held.shift();
      const beganAt = clock.now();
      held.reading ??= this.#ahead.now(held.entry);
      this.#ahead.fill(group.held);
      await this.#deliver(association, held, held.reading, group);
      host.took();
      const yieldMs = host.yieldMs(clock.now() - beganAt);
      if (yieldMs > 0) await pauses.sleep(yieldMs);
    }
  }

  /** Undefined: none is to be begun any more. */
  async #associationFor(group: Group, { envelope }: Held): Promise<StoreAssociation | undefined> {
    const { host } = this.#parts;
    const before = this.#association;
    if (before?.usable === true && sameTitles(before, group) && before.answerTo(envelope) !== undefined) return before;
    await this.#release();
    // That may have taken its time.
    if (!host.mayGoOn(this)) return undefined;
    // What was proposed before may be wanted again; what is wanted now comes first.
    const earlier = before !== undefined && sameTitles(before, group) ? before.proposed : [];
    const association = host.newAssociation(group, [...group.held.map((held) => held.envelope), ...earlier]);
    this.#association = association;
    await association.open();
    host.opened(group);
    return association;
  }

  async #release(): Promise<void> {
    const { unsettled, pauses } = this.#parts;
    // What was answered on it is told before its end is; but it is not kept open for a schedule that is away.
    if (this.#association?.usable === true) await Promise.race([unsettled.quiet(), pauses.sleep(settleBeforeReleaseMs)]);
    // Still to be reached by `abort` while it waits.
    await this.#association?.release();
    this.#association = undefined;
  }

  async #deliver(association: StoreAssociation, held: Held, reading: Reading, group: Group): Promise<void> {
    const { host, settler, unsettled, leases, freshMs, clock } = this.#parts;
    held.associationId = association.id;
    const answer = association.answerTo(held.envelope);
    const startedAt = clock.now();
    if (answer === undefined || 'refused' in answer) {
      const failure = { attempt: instant(startedAt), errorType: 'presentation_context_refused' as const, possibleDuplicate: false };
      association.productive++;
      host.answered();
      return unsettled.add(settler.dead(held, failure, { contextResult: answer?.refused }));
    }
    let opened: Opened;
    try {
      opened = await reading.opened;
      const state = await reading.state(freshMs);
      if (state !== 'waiting') return unsettled.add(settler.follow(held, state));
      if (opened.failure !== undefined) throw opened.failure.error;
    } catch (error) {
      return unsettled.add(this.#failed(association, held, group, instant(startedAt), error));
    }
    // It was ours a moment ago; reading can take its time.
    if (held.lost) return leases.drop(held);
    let requestEndAt: number | undefined;
    let response: CommandSet;
    try {
      // The reader withholds the last piece until the digest of all is right. What fits into one piece is so verified before the first
      // byte is sent; of what is longer the destination never gets the end: the association is aborted inside the message. Reading all
      // of it first would say the same and read everything twice.
      const ended = () => {
        requestEndAt = clock.now();
        // While the destination thinks; not the next alone, so that none waits for the answer.
        for (const one of group.held.slice(0, lookedAgain)) one.reading?.lookAgain(freshMs / 2);
      };
      const whole = reading.takeWhole();
      const dataSet =
        whole === undefined
          ? piecewise(
              reading.dataSet(() => association.unsentBytes),
              ended,
            )
          : atOnce(whole, ended);
      response = await association.store(answer.id, held.envelope, dataSet);
    } catch (error) {
      return unsettled.add(this.#failed(association, held, group, { startedAt, requestEndAt, endedAt: clock.now() }, error));
    }
    void reading.close(association.unsentBytes === 0);
    unsettled.add(this.#answered(association, held, group, { startedAt, requestEndAt, endedAt: clock.now(), status: response.status }));
  }

  async #answered(association: StoreAssociation, held: Held, group: Group, attempt: Attempt): Promise<void> {
    const { host, settler, rules, lately, clock } = this.#parts;
    // No status is no success, and no failure.
    if (attempt.status === undefined) {
      association.abort();
      host.broke(group, 'protocol_error', association.productive > 0);
      return await settler.retry(held, { attempt, errorType: 'protocol_error', possibleDuplicate: true });
    }
    const verdict = verdictOn(attempt.status, rules);
    if (verdict === 'busy') host.busy(group);
    else {
      association.productive++;
      host.answered();
    }
    const failure = { attempt, errorType: 'status_failure' as const, possibleDuplicate: false };
    switch (verdict) {
      case 'delivered':
      case 'warning':
        lately?.add(held.envelope, attempt.startedAt, clock.now());
        return await settler.delivered(held, attempt);
      case 'busy':
      case 'retry':
        return await settler.retry(held, failure);
      case 'dead':
        return await settler.dead(held, failure);
      case 'unknown':
        return await settler.retry(held, failure, { within: { ms: unknownStatusBudgetMs, errorType: 'status_failure' } });
    }
  }

  async #failed(association: StoreAssociation, held: Held, group: Group, attempt: Attempt, error: unknown): Promise<void> {
    const { host, settler } = this.#parts;
    const spoolError = spoolErrorIn(error);
    if (spoolError !== undefined) return await this.#unreadable(held, attempt, spoolError);
    // An upper bound: of the last bytes some may never have left this machine.
    const possibleDuplicate = attempt.requestEndAt !== undefined;
    const errorType = errorTypeOf(error);
    association.abort();
    if (this.#aborted) {
      if (!possibleDuplicate) return await settler.brokenOff(held, attempt);
      return await settler.retry(held, { attempt, errorType: 'shutdown', possibleDuplicate });
    }
    host.broke(group, errorType, association.productive > 0);
    await settler.retry(held, { attempt, errorType, possibleDuplicate });
  }

  async #unreadable(held: Held, attempt: Attempt, error: SpoolError): Promise<void> {
    const { settler } = this.#parts;
    const failure = (errorType: 'digest_mismatch' | 'instance_damaged' | 'spool_failure') => ({
      attempt,
      errorType,
      possibleDuplicate: false,
    });
    switch (error.code) {
      case 'unknown-instance':
        return await settler.gone(held);
      case 'digest-mismatch':
        return await settler.dead(held, failure('digest_mismatch'), { quarantine: error.message });
      case 'damaged':
        return await settler.dead(held, failure('instance_damaged'), { quarantine: error.message });
      default:
        return await settler.retry(held, failure('spool_failure'));
    }
  }
}

async function* piecewise(pieces: AsyncIterable<Uint8Array>, ended: () => void): AsyncGenerator<Uint8Array, void> {
  yield* pieces;
  ended();
}

function* atOnce(whole: Uint8Array, ended: () => void): Generator<Uint8Array, void> {
  yield whole;
  ended();
}

function instant(at: number): Attempt {
  return { startedAt: at, endedAt: at };
}

function sameTitles(
  one: { readonly callingAeTitle: string; readonly calledAeTitle: string },
  other: { readonly callingAeTitle: string; readonly calledAeTitle: string },
): boolean {
  return one.callingAeTitle === other.callingAeTitle && one.calledAeTitle === other.calledAeTitle;
}

function spoolErrorIn(error: unknown): SpoolError | undefined {
  if (error instanceof SpoolError) return error;
  return error instanceof Error && error.cause instanceof SpoolError ? error.cause : undefined;
}
