/**
 * Drains the schedule of one destination.
 *
 *     schedule ──claim──> groups (a study, under the same AE titles) ──> lanes: at most `maxAssociations`, one group each
 *                           ▲                                             │
 *                           └────── what is left when a lane stops ───────┘
 *
 * The gate is shut while the circuit is open, while the destination rests after a failure, and at the end. Then nothing is claimed and
 * nothing begun, and what was claimed goes back as it was, with no attempt counted: a destination that is down costs one probe now and
 * then, whatever waits for it.
 */
import type { Destination } from '@radiotracer/config';
import { QueueUnavailable } from '@radiotracer/queue';
import type { AssociationErrorType, Timer } from '@radiotracer/upper-layer';
import { Admission, titlesRest } from './admission.ts';
import { type DeliveryCounts, noCounts } from './counts.ts';
import { DeliveredLately } from './delivered-lately.ts';
import { Groups } from './groups.ts';
import { type Group, type Held, type Titles, titlesKey } from './held.ts';
import { Lane, type LaneHost, type LaneParts } from './lane.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { Pauses } from './pauses.ts';
import { PieceMemory } from './piece-memory.ts';
import type { ForwarderOptions, ForwarderTuning } from './ports.ts';
import { ReadAhead } from './read-ahead.ts';
import { Rest } from './rest.ts';
import { Settlements } from './settlements.ts';
import { Settler } from './settler.ts';
import { Standing } from './standing.ts';
import { statusRules } from './status-policy.ts';
import { type ContextFacts, isPermanentRejection, StoreAssociation } from './store-association.ts';
import { Unsettled } from './unsettled.ts';

/** Of the schedule: how long it is left in peace when it is away. */
const scheduleRetry = { initialMs: 500, maxMs: 30_000, budgetMs: 0 };
/** Between two looks at a schedule that says that something is due and gives nothing. */
const minLookMs = 200;

interface Waiting {
  readonly lane: Lane;
  resolve(group: Group | undefined): void;
}

export class DestinationDrain implements LaneHost {
  readonly counts: DeliveryCounts = noCounts();
  readonly #destination: Destination;
  readonly #options: ForwarderOptions;
  readonly #tuning: ForwarderTuning;
  readonly #standing: Standing;
  readonly #scheduleRest: Rest;
  readonly #pauses: Pauses;
  readonly #leases: LeaseKeeper;
  readonly #settlements: Settlements;
  readonly #settler: Settler;
  readonly #admission: Admission;
  readonly #laneParts: LaneParts;
  readonly #groups = new Groups();
  readonly #lanes = new Set<Lane>();
  readonly #waiting = new Set<Waiting>();
  /** What goes on beside the lanes; none rejects. */
  readonly #tasks = new Set<Promise<void>>();
  #timer: Timer | undefined;
  /** The last claim got less than it asked for. */
  #dry = false;
  #pumping = false;
  #again = false;
  #started = false;
  #ending = false;

  constructor(destination: Destination, options: ForwarderOptions, tuning: ForwarderTuning) {
    const { spool, queue, unremoved, publish, clock, random } = options;
    const { retry } = destination;
    this.#destination = destination;
    this.#options = options;
    this.#tuning = tuning;
    this.#scheduleRest = new Rest(scheduleRetry, random);
    this.#pauses = new Pauses(clock);
    this.#leases = new LeaseKeeper({
      queue,
      clock,
      leaseMs: tuning.leaseMs,
      lost: () => void this.counts.leasesLost++,
      failed: options.failed,
    });
    const shared = { spool, unremoved, leases: this.#leases, pauses: this.#pauses, clock };
    this.#settlements = new Settlements({ queue, pauses: this.#pauses, gatherMs: tuning.gatherMs, clock, random });
    this.#settler = new Settler({ ...shared, settlements: this.#settlements, retry, counts: this.counts, publish, random });
    const { aheadBytes, maxAhead, freshMs, maxUnsettled, pieceBytes } = tuning;
    const reading = { spool, memory: new PieceMemory(aheadBytes), pieceBytes, clock };
    this.#admission = new Admission({
      ...shared,
      ahead: new ReadAhead({ ...reading, maxBytes: aheadBytes, maxAhead }),
      settler: this.#settler,
      put: (held) => this.#put(held),
      restOf: (envelope) => this.#standing.restOf(envelope),
      task: (work) => this.#task(work),
    });
    this.#laneParts = {
      ...shared,
      host: this,
      reading,
      aheadBytes,
      maxAhead,
      freshMs,
      settler: this.#settler,
      unsettled: new Unsettled(maxUnsettled, () => this.#settlements.isAway),
      rules: statusRules(destination.statuses),
      lately: typeof options.ownerId === 'string' ? new DeliveredLately() : undefined,
    };
    const { connect, limits } = options;
    this.#standing = new Standing({
      ...{ destination, circuit: options.circuit(destination.id), connect, limits, clock, responseMs: tuning.responseMs, retry, random },
      probing: () => void this.counts.probes++,
      task: (work) => this.#task(work),
      changed: ({ from, to, errorType }) => {
        publish({ type: 'circuit.changed', destinationId: destination.id, at: clock.now(), from, to, errorType });
        this.pump();
      },
    });
  }

  /** Associations that are open or being opened, without the probe. */
  get lanes(): number {
    return this.#lanes.size;
  }

  start(): void {
    this.#started = true;
    this.#standing.start();
    this.pump();
  }

  /** There is something new, if it is known, under which AE titles. */
  wake(titles?: Titles): void {
    if (titles !== undefined) this.#standing.seen(titles);
    this.pump();
  }

  /** Looks whether there is something to do. */
  pump(): void {
    this.#again = true;
    if (this.#pumping || this.#ending || !this.#started) return;
    this.#pumping = true;
    this.#task(async () => {
      try {
        while (this.#again && !this.#ending) {
          this.#again = false;
          await this.#step();
        }
      } finally {
        this.#pumping = false;
        // After a mistake of ours, too, there is a next look.
        if (this.#timer === undefined) this.#arm(Number.POSITIVE_INFINITY);
      }
    });
  }

  /** Begins nothing more, lets what is being sent come to its end within the limit, and then ends it. Resolves when all is settled. */
  async stop(limitMs: number): Promise<void> {
    this.#ending = true;
    this.#standing.stop();
    this.#timer?.cancel();
    this.#settlements.hurry();
    this.#shut();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const limit = this.#options.clock.setTimer(() => {
      this.#pauses.end();
      for (const lane of this.#lanes) lane.abort();
      resolve();
    }, limitMs);
    const over = this.#over();
    await Promise.race([over, late]);
    await over;
    limit.cancel();
    this.#pauses.end();
    this.#leases.close();
  }

  // LaneHost

  next(lane: Lane): Promise<Group | undefined> {
    const group = this.mayGoOn(lane) ? this.#pick(lane) : undefined;
    if (group !== undefined) return Promise.resolve(group);
    if (!this.mayGoOn(lane)) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<Group | undefined>();
    const waiting: Waiting = { lane, resolve };
    const timer = this.#options.clock.setTimer(() => waiting.resolve(undefined), this.#tuning.keepMs);
    this.#waiting.add(waiting);
    this.pump();
    return promise.finally(() => {
      timer.cancel();
      this.#waiting.delete(waiting);
    });
  }

  mayGoOn(lane: Lane): boolean {
    if (!this.#isOpen()) return false;
    let place = 0;
    for (const other of this.#lanes) {
      if (other === lane) break;
      place++;
    }
    return place < this.#allowedLanes();
  }

  yieldMs(tookMs: number): number {
    if (this.#options.liveAssociations(this.#destination.id) === 0) return 0;
    // Half of the time, and never stopped by it: a destination that is always busy still gets what waits.
    return Math.min(this.#tuning.maxYieldMs, Math.max(1, Math.ceil(tookMs)));
  }

  newAssociation({ callingAeTitle, calledAeTitle }: Group, contexts: Iterable<ContextFacts>): StoreAssociation {
    const { connect, limits, clock, publish, negotiated } = this.#options;
    this.counts.associations++;
    const destination = this.#destination;
    const { responseMs } = this.#tuning;
    const titles = { callingAeTitle, calledAeTitle };
    return new StoreAssociation({ destination, connect, ...titles, contexts, responseMs, limits, clock, publish, negotiated });
  }

  opened(group: Group): void {
    this.#standing.accepted(group);
  }

  async notOpened(group: Group, error: unknown): Promise<void> {
    if (this.#ending) return;
    const dueAt = this.#standing.notAccepted(group, error);
    if (dueAt === undefined) return;
    const at = this.#options.clock.now();
    const failure = { attempt: { startedAt: at, endedAt: at }, errorType: 'rejected' as const, possibleDuplicate: false };
    // Somebody has to configure something, and may do so within the budget: each of the group has had an attempt.
    const isAttempt = isPermanentRejection(error);
    const again = (held: Held) =>
      isAttempt ? this.#settler.retry(held, failure, { dueAt }) : this.#settler.unsent(held, titlesRest, dueAt);
    // Of what else was claimed, all the same would come.
    for (const other of this.#groups.free) if (titlesKey(other) === titlesKey(group)) this.#giveBack(other, titlesRest, dueAt);
    await Promise.all(group.held.splice(0).map(again));
  }

  answered(): void {
    this.#standing.answered();
  }

  busy(group: Group): void {
    this.#standing.busy(group);
  }

  broke(group: Group, errorType: AssociationErrorType, useful: boolean): void {
    this.#standing.broke(group, errorType, useful);
  }

  left(group: Group): void {
    this.#groups.left(group);
    this.pump();
  }

  took(): void {
    if (!this.#dry && this.#leases.size * 2 <= this.#tuning.maxClaimed) this.pump();
  }

  async #step(): Promise<void> {
    if (!this.#isOpen()) {
      this.#shut();
      this.#arm(this.#standing.restsUntil);
      return;
    }
    let lookAt = await this.#fill();
    this.#startLanes();
    lookAt = Math.min(lookAt, this.#now() + this.#tuning.pollMs);
    this.#arm(lookAt);
  }

  /** Claims what there is room for. When to look again. */
  async #fill(): Promise<number> {
    const { queue, leaseHolder } = this.#options;
    const { maxClaimed, leaseMs } = this.#tuning;
    const destinationId = this.#destination.id;
    const now = this.#now();
    if (this.#scheduleRest.until > now) return this.#scheduleRest.until;
    const limit = maxClaimed - this.#leases.size;
    if (limit * 2 < maxClaimed) return Number.POSITIVE_INFINITY;
    try {
      const ownerIds = this.#ownerIds();
      const owners = ownerIds === undefined ? {} : { ownerIds };
      const claimed = await queue.claim({ destinationId, ...owners, leaseHolder, leaseMs, limit, now });
      this.#scheduleRest.worked();
      this.#dry = claimed.length < limit;
      await this.#admission.admit(claimed);
      if (claimed.length > 0) return Number.POSITIVE_INFINITY;
      const dueAt = await queue.nextDueAt(destinationId, ownerIds);
      return Math.max(dueAt ?? Number.POSITIVE_INFINITY, this.#now() + minLookMs);
    } catch (error) {
      if (!(error instanceof QueueUnavailable)) throw error;
      this.#scheduleRest.failed(now);
      return this.#scheduleRest.until;
    }
  }

  #ownerIds(): readonly string[] | undefined {
    const { ownerId } = this.#options;
    return typeof ownerId === 'string' ? [ownerId] : ownerId?.();
  }

  #put(held: Held): void {
    const group = this.#groups.put(held);
    if (group.held.length === 1) this.#standing.seen(group);
    // Lanes that are there need not wait for the rest of the batch.
    if (this.#waiting.size > 0) this.#serveWaiting();
  }

  #serveWaiting(): void {
    for (const waiting of this.#waiting) {
      const group = this.mayGoOn(waiting.lane) ? this.#pick(waiting.lane) : undefined;
      if (group === undefined) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(group);
    }
  }

  #startLanes(): void {
    const { failed } = this.#options;
    this.#serveWaiting();
    while (this.#isOpen() && this.#lanes.size < this.#allowedLanes() && this.#groups.free.length > 0) {
      const lane = new Lane(this.#laneParts);
      this.#lanes.add(lane);
      this.#task(async () => {
        try {
          await lane.run();
        } catch (error) {
          this.#standing.leaveInPeace();
          failed(error);
        } finally {
          this.#lanes.delete(lane);
          this.pump();
        }
      });
      // It takes its group before it waits for anything.
    }
  }

  /** Rather one that goes on the association that the lane has. */
  #pick(lane: Lane): Group | undefined {
    return this.#groups.serve((group) => lane.fits(group));
  }

  #allowedLanes(): number {
    return this.#options.liveAssociations(this.#destination.id) > 0 ? 1 : this.#destination.maxAssociations;
  }

  #isOpen(): boolean {
    return !this.#ending && this.#standing.isOpen;
  }

  /** What nobody serves goes back; lanes that wait go home. */
  #shut(): void {
    for (const waiting of this.#waiting) waiting.resolve(undefined);
    this.#waiting.clear();
    const why = this.#ending ? 'the proxy stopped' : 'the destination is left in peace';
    for (const group of this.#groups.free) this.#giveBack(group, why);
  }

  /** As it was: nothing of it was tried. */
  #giveBack(group: Group, why: string, dueAt = group.notBefore): void {
    this.#groups.remove(group);
    for (const held of group.held.splice(0)) this.#task(() => (held.lost ? this.#forget(held) : this.#settler.unsent(held, why, dueAt)));
  }

  async #forget(held: Held): Promise<void> {
    this.#leases.drop(held);
  }

  #arm(at: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#ending || this.#standing.isDown) return;
    const inMs = Math.max(1, Math.min(at - this.#now(), this.#tuning.pollMs));
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      this.pump();
    }, inMs);
  }

  /** Whole milliseconds, as the schedule counts. */
  #now(): number {
    return Math.trunc(this.#options.clock.now());
  }

  async #over(): Promise<void> {
    while (this.#tasks.size > 0) {
      await Promise.all(this.#tasks);
      this.#shut();
    }
  }

  #task(work: () => Promise<void>): void {
    const task = work().catch((error: unknown) => this.#options.failed(error));
    const ended = task.finally(() => void this.#tasks.delete(ended));
    this.#tasks.add(ended);
  }
}
