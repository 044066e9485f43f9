/**
 * Keeps the schedule and the spool together. The spool comes first: what is safe there is acknowledged, whatever the schedule says. So
 * there are times at which the spool has what the schedule does not know:
 *
 * - before the first rebuild of this process,
 * - while the schedule is away, and after an `add` that it did not take, even a single one (READONLY, OOM, a lost connection),
 * - after it has lost its memory, or may have lost some of it: behind each lost connection to Redis may be a failover to a replica that lagged
 *   behind, or a restart with an old dump. Its generation says so,
 * - after it has lost some of it and says nothing: one master of a cluster that was flushed, keys that were evicted. Then more stands in the
 *   spool than in the schedule, look after look,
 * - of another's spool on a shared volume, while that process is not there: it may have been killed before it scheduled what it had kept, or
 *   cannot reach the schedule. Its instances are not counted along here.
 *
 * Each makes the schedule incomplete, and only a rebuild that began later and came to its end makes it complete again. Remembered is one
 * number, however many adds have failed.
 */
import type { Envelope } from '@radiotracer/instance';
import { type EntryKey, type KnownAsTheyAre, type NewEntry, type Queue, QueueUnavailable } from '@radiotracer/queue';
import { type InstanceState, instanceStates, type Spool, SpoolError, type SpoolUsage } from '@radiotracer/spool';
import type { Publish } from '@radiotracer/telemetry';
import type { Clock } from '@radiotracer/upper-layer';
import { foundDead } from './facts.ts';
import { Rest } from './rest.ts';
import type { Unremoved } from './unremoved.ts';

/** A spool, or a view of another process' spool. */
export interface ScheduledSpool extends Pick<Spool, 'list' | 'read' | 'isAside' | 'quarantine'> {
  /** How many instances there are, counted along; undefined: nobody knows without counting, and nothing is compared with the schedule. */
  readonly usage?: Pick<SpoolUsage, InstanceState>;
}

export interface SchedulerOptions {
  readonly spool: ScheduledSpool;
  readonly queue: Pick<Queue, 'add' | 'rebuild' | 'health' | 'counts'>;
  /** Whose spool it is. */
  readonly ownerId: string;
  /** Of this and of other spools. */
  readonly unremoved: Unremoved;
  /** It is in the schedule. */
  readonly wake: (envelope: Envelope) => void;
  /** Told of the first add that failed after one that did not, and of what should not happen. */
  readonly failed: (error: unknown) => void;
  /** Awaited every few milliseconds by a rebuild while others are served. Default: it waits for its own reading and writing alone. */
  readonly giveWay?: () => Promise<unknown>;
  readonly publish: Publish;
  readonly clock: Pick<Clock, 'now'>;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** Between two rebuilds while there is always a reason for the next: each looks at the name of every file in the spool, and reads the fronts of those that are new to the schedule… */
const rebuildRetry = { initialMs: 5_000, maxMs: 300_000, budgetMs: 0 };
/** … and so many times what it took: of a large spool it must not be all that the disk does. */
const restPerRebuild = 4;
/**
 * So long the numbers must differ: what is on its way makes them differ too, and so does, until the spool counts anew (every minute), what
 * others have taken out of it.
 */
const differsMs = 90_000;

/** The process ends: the schedule stays incomplete, as it was. */
class RebuildStopped extends Error {
  override readonly name = 'RebuildStopped';

  constructor() {
    super('stopped: the process ends');
  }
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #rest: Rest;
  /** Reasons to rebuild since the start; being new is the first. */
  #reasons = 1;
  /** How many of them had come when the last whole rebuild began. */
  #answered = 0;
  #generation: string | undefined;
  /** Adds under way. */
  #adding = 0;
  #lastAddFailed = false;
  /** Since when every look has found other numbers in the schedule than in the spool. */
  #differsSince: number | undefined;
  #rebuilding: Promise<void> | undefined;
  #stopped = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#rest = new Rest(rebuildRetry, options.random);
  }

  /** The spool may have what the schedule does not know. */
  get isIncomplete(): boolean {
    return this.#reasons > this.#answered;
  }

  /** It is safe in the spool: to be scheduled. Never throws, and waits for nothing; what fails is found again by a rebuild. */
  committed(envelope: Envelope): void {
    void this.#add(envelope);
  }

  /** The spool may have what nobody told the schedule of: whoever had it is not there. The next look rebuilds, or the one after its pause. */
  doubt(): void {
    this.#reasons++;
  }

  /**
   * Makes the schedule equal to the spool. To be called at the start of the process, when the spool is open; one that is under way is
   * shared by those who call because it is not there yet.
   * @throws QueueUnavailable, SpoolError: it is still incomplete
   */
  rebuild(): Promise<void> {
    this.#rebuilding ??= this.#rebuild().finally(() => {
      this.#rebuilding = undefined;
    });
    return this.#rebuilding;
  }

  /** A rebuild under way ends soon, with what it has done so far; the next start begins anew. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Looks whether the schedule is complete, and rebuilds it if it is not, with a growing pause between two. To be called every few seconds.
   * @returns whether it was rebuilt: anything may be due
   * @throws QueueUnavailable, SpoolError: as {@link rebuild}
   */
  async keep(): Promise<boolean> {
    const { queue, clock } = this.#options;
    const { available, refuses, generation } = await queue.health();
    if (!available) {
      // Whoever added meanwhile knows that it failed, others' changes may be lost as well.
      this.#reasons++;
      return false;
    }
    // Nothing that is missing would be taken, and the pause before the next rebuild would last when it is.
    if (refuses !== undefined) return false;
    if (generation !== this.#generation) this.#reasons++;
    const now = clock.now();
    this.#differsSince = (await this.#differs()) ? (this.#differsSince ?? now) : undefined;
    if (this.#differsSince !== undefined && now - this.#differsSince >= differsMs) {
      this.#differsSince = undefined;
      this.#reasons++;
    }
    if (!this.isIncomplete) {
      // Calm for long: not between two of a schedule that refuses now and then.
      if (this.#rest.until + rebuildRetry.maxMs < clock.now()) this.#rest.worked();
      return false;
    }
    const startedAt = clock.now();
    if (this.#rest.until > startedAt) return false;
    try {
      await this.rebuild();
    } finally {
      const endedAt = clock.now();
      this.#rest.failed(endedAt + restPerRebuild * (endedAt - startedAt));
    }
    return true;
  }

  async #add(envelope: Envelope): Promise<void> {
    const { queue, ownerId, wake } = this.#options;
    this.#adding++;
    try {
      await queue.add(newEntryOf(envelope, ownerId));
      this.#lastAddFailed = false;
      wake(envelope);
    } catch (error) {
      this.#missed(error);
    } finally {
      this.#adding--;
    }
  }

  async #rebuild(): Promise<void> {
    const { queue, ownerId, publish, clock } = this.#options;
    const reasons = this.#reasons;
    // Before it begins: should the memory, or a connection, be lost on the way, the next look sees another generation.
    const { generation } = await queue.health();
    try {
      await queue.rebuild(ownerId, (known) => this.#spooled(known), Math.trunc(clock.now()), {
        stillInSpool: (key) => this.#isInSpool(key),
        onMoved: (entry) => {
          if (entry.state === 'dead') publish(foundDead(entry, clock.now()));
        },
      });
    } catch (error) {
      if (error instanceof RebuildStopped) return;
      throw error;
    }
    this.#answered = reasons;
    this.#generation = generation;
  }

  /**
   * More stands in the spool than in the schedule, in one of the states, and nothing is on its way. Or more is held in the schedule: what was
   * delivered while its hold was asked for. (What waits in the schedule alone is found when it is claimed; what is dead in the schedule
   * alone was moved aside, and is shown as long as the schedule knows of it.) Held in the schedule and waiting in the spool is, as it should
   * be, what was delivered and could not be removed.
   */
  async #differs(): Promise<boolean> {
    const { spool, queue, ownerId, unremoved } = this.#options;
    const [before, adding] = [spool.usage, this.#adding];
    if (before === undefined) return false;
    const scheduled = { waiting: adding, held: 0, dead: 0 };
    for (const { states } of await queue.counts({ ownerId })) {
      scheduled.waiting += states.waiting.entries + states.leased.entries;
      scheduled.held += states.held.entries;
      scheduled.dead += states.dead.entries;
    }
    const after = spool.usage ?? before;
    const delivered = unremoved.count(ownerId);
    scheduled.waiting += delivered;
    scheduled.held -= delivered;
    if (scheduled.held > Math.max(before.held.instances, after.held.instances)) return true;
    return instanceStates.some((state) => Math.min(before[state].instances, after[state].instances) > scheduled[state]);
  }

  #missed(error: unknown): void {
    this.#reasons++;
    if (this.#lastAddFailed && error instanceof QueueUnavailable) return;
    this.#lastAddFailed = true;
    this.#options.failed(error);
  }

  async *#spooled(known: KnownAsTheyAre): AsyncGenerator<NewEntry> {
    const { spool, ownerId, giveWay, unremoved } = this.#options;
    const damaged: [id: string, why: string][] = [];
    const passedOver = (error: SpoolError, id: string) => {
      // What could not be read now is lacking at the next look.
      if (error.code === 'damaged') damaged.push([id, error.message]);
    };
    // After a usual restart the schedule knows nearly all, and a name is enough.
    const knownInTurn: KnownAsTheyAre = async (ids, state) => {
      await giveWay?.();
      if (this.#stopped) throw new RebuildStopped();
      const asItLies = ids.filter((id) => !unremoved.has({ ownerId, id }));
      return await known(asItLies, state);
    };
    for await (const { envelope, state } of spool.list(undefined, passedOver, knownInTurn)) {
      if (this.#stopped) throw new RebuildStopped();
      yield newEntryOf(envelope, ownerId, unremoved.has({ ownerId, id: envelope.id }) ? 'held' : state);
    }
    // Nobody could send it, and it would be lacking for ever.
    for (const [id, why] of damaged) await spool.quarantine(id, why).catch((error: unknown) => this.#options.failed(error));
  }

  async #isInSpool({ id }: EntryKey): Promise<boolean> {
    const { spool } = this.#options;
    try {
      const instance = await spool.read(id);
      await instance.close();
      return true;
    } catch (error) {
      // Whatever else is wrong with it: whoever claims it finds out. What was moved aside is lost, and is not to be forgotten before that was told.
      if (!(error instanceof SpoolError && error.code === 'unknown-instance')) return true;
      return await spool.isAside(id).catch(() => true);
    }
  }
}

/** What the schedule is told of an instance in the spool. */
export function newEntryOf(envelope: Envelope, ownerId: string, state: InstanceState = 'waiting'): NewEntry {
  const { seriesInstanceUid, modality } = envelope;
  return {
    destinationId: envelope.destinationId,
    ownerId,
    id: envelope.id,
    studyKey: envelope.studyInstanceUid ?? '',
    ...(seriesInstanceUid === undefined ? {} : { seriesKey: seriesInstanceUid }),
    sopInstanceUid: envelope.sopInstanceUid,
    sopClassUid: envelope.sopClassUid,
    transferSyntaxUid: envelope.transferSyntaxUid,
    callingAeTitle: envelope.callingAeTitle,
    ...(modality === undefined ? {} : { modality }),
    bytes: envelope.dataSetBytes,
    receivedAt: envelope.receivedAt,
    state,
  };
}
