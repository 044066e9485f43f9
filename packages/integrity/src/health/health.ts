/**
 * Modality health: what each calling AE does, when it usually does it, whether it is silent, and which worklist items it took up without sending a
 * study. Lives beside the ledger of studies, in the same home, and on its ticks.
 *
 *   events ──> ModalityLog, ──5 s──> ModalityHome (exactly once for a batch, whatever the home says)
 *        └──> WorklistItem ──5 s──> WorklistWatch
 *   every minute: habits ──> silent, or back ──stored by one node──> told by that one; figures are told by every node
 */
import { randomUUID } from 'node:crypto';
import type { Clock, OperationEnded, Publish, TelemetryEvent } from '@radiotracer/telemetry';
import type { DataSetReader } from '../data-set/plain-data-set.ts';
import type { LedgerHome } from '../ledger/home.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type Admitted, admission } from './admission.ts';
import type { Habit } from './habit.ts';
import { LocalTime, slotsPerHour } from './local-time.ts';
import { ModalityDelta } from './modality-delta.ts';
import { ModalityHome } from './modality-home.ts';
import { ModalityLog } from './modality-log.ts';
import { type ModalityBatch, type ModalityRecord, modalityKey, otherModalities } from './modality-record.ts';
import { type ModalityHabit, modalityHabit, silentAtOf, stateOf } from './modality-state.ts';
import { sightingRows } from './sightings.ts';
import { watchedSlots } from './watch-record.ts';
import { itemsIn, mayName, type WorklistItem } from './worklist-item.ts';
import { WorklistWatch } from './worklist-watch.ts';

export interface HealthOptions {
  /** AE titles that the configuration names: they always have a record of their own. Default none. */
  readonly aeTitles?: ReadonlySet<string>;
  /** Whose hours and weeks; a name of the IANA database. Default that of the process. */
  readonly timeZone?: string | undefined;
  /** From a worklist item that was taken up to its study. Default 4 h. 0: not looked at. */
  readonly worklistFollowMs?: number;
  /** Records of AE titles that the configuration does not name. Default 256. */
  readonly maxUnconfigured?: number;
  /** When nobody has looked for so long, nobody was there. Default 5 min. */
  readonly absentAfterMs?: number;
}

export interface HealthPorts {
  readonly home: LedgerHome;
  readonly ledger: Ledger;
  readonly reader: DataSetReader;
  readonly clock: Clock;
  readonly node: string;
  readonly publish: Publish;
}

/** Kept from one look to the next. */
interface KnownHabit {
  readonly habit: Habit;
  readonly hour: number;
  /** The last of them. */
  readonly outageAt: number | undefined;
  lastSlot: number;
  silentAt: number | undefined;
}

const writeEveryMs = 5000;
const longestLookMs = 60_000;
const maxItems = 1000;
/** Titles that wait for a home that is away; what else is called is counted among the others. Those of the configuration always find room. */
const maxUnwrittenTitles = 2000;

export class Health {
  readonly #ports: HealthPorts;
  readonly #options: Required<Omit<HealthOptions, 'timeZone'>>;
  readonly #lookEveryMs: number;
  readonly #time: LocalTime;
  readonly #home: ModalityHome;
  readonly #worklist: WorklistWatch;
  readonly #log: ModalityLog;
  /** On its way to the home; each until it is known to be there. */
  readonly #batches = new Map<string, ModalityBatch>();
  /** Waits for the batch of the same title before it. */
  readonly #waiting = new Map<string, ModalityDelta>();
  #items: WorklistItem[] = [];
  readonly #reading = new Set<Promise<void>>();
  #known: Map<string, Admitted> | undefined;
  readonly #habits = new Map<string, KnownHabit>();
  /** What this node told last. */
  readonly #told = new Map<string, string>();
  #wroteAt = Number.NEGATIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #count = 0;
  readonly #process = randomUUID();
  #flushing: Promise<void> = Promise.resolve();

  constructor(ports: HealthPorts, options: HealthOptions) {
    const { aeTitles = new Set<string>(), worklistFollowMs = 14_400_000, maxUnconfigured = 256, absentAfterMs = 300_000 } = options;
    this.#ports = ports;
    this.#options = { aeTitles, worklistFollowMs, maxUnconfigured, absentAfterMs };
    this.#lookEveryMs = worklistFollowMs === 0 ? longestLookMs : Math.min(longestLookMs, worklistFollowMs / 4);
    this.#time = new LocalTime(options.timeZone);
    this.#home = new ModalityHome(ports.home);
    this.#worklist = new WorklistWatch(this.#home, ports.ledger);
    this.#log = new ModalityLog(this.#time);
  }

  /** Titles of which something is to be written. */
  get unwrittenTitles(): number {
    return this.#batches.size + this.#waiting.size;
  }

  hear(event: TelemetryEvent): void {
    this.#log.hear(event);
    if (event.type === 'operation.ended' && this.#options.worklistFollowMs > 0 && mayName(event)) this.#read(event);
  }

  /** Writes what was heard, and looks, when it is time to. @throws LedgerUnavailable nothing is lost: it is written next time */
  async tick(): Promise<void> {
    const now = this.#ports.clock.now();
    const isLook = now - this.#lookedAt >= this.#lookEveryMs;
    if (!isLook && now - this.#wroteAt < writeEveryMs) return;
    this.#wroteAt = now;
    await this.flush();
    if (!isLook) return;
    this.#lookedAt = now;
    await this.#look(now);
  }

  /** Everything that was heard is in the home. @throws LedgerUnavailable */
  flush(): Promise<void> {
    // One at a time.
    this.#flushing = this.#flushing.catch(() => {}).then(() => this.#flush());
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    await Promise.all(this.#reading);
    this.#gather();
    await this.#admit();
    const { node, clock } = this.#ports;
    const { timeZone } = this.#time;
    const now = clock.now();
    await this.#home.apply([...this.#batches.values()], (aeTitle) => ({
      ...{ node, now, timeZone },
      isConfigured: this.#options.aeTitles.has(aeTitle),
    }));
    this.#batches.clear();
    const items = this.#items.slice();
    await this.#worklist.add(items);
    this.#items = this.#items.slice(items.length);
    if (this.#waiting.size > 0) await this.#flush();
  }

  #read(event: OperationEnded): void {
    const { dataSet, transferSyntaxUid = '' } = event;
    if (dataSet === undefined || this.#reading.size >= maxItems) return;
    const reading = this.#ports.reader
      .read(dataSet, transferSyntaxUid)
      .then((read) => {
        if (read !== undefined && this.#items.length < maxItems) this.#items.push(...itemsIn(event, read));
      })
      .catch(() => {})
      .finally(() => this.#reading.delete(reading));
    this.#reading.add(reading);
  }

  /** What is on its way stays as it is: nobody may know whether it is there already. */
  #gather(): void {
    for (const [title, delta] of this.#log.take()) this.#into(title, delta);
    for (const [aeTitle, delta] of this.#waiting) {
      if (this.#batches.has(aeTitle)) continue;
      this.#count += 1;
      this.#batches.set(aeTitle, { aeTitle, delta, id: `${this.#process} ${this.#count}` });
      this.#waiting.delete(aeTitle);
    }
  }

  #into(aeTitle: string, delta: ModalityDelta): void {
    const isKnown = this.#waiting.has(aeTitle) || this.#batches.has(aeTitle) || this.#options.aeTitles.has(aeTitle);
    const title = isKnown || this.unwrittenTitles < maxUnwrittenTitles ? aeTitle : otherModalities;
    const waiting = this.#waiting.get(title);
    if (waiting === undefined) this.#waiting.set(title, delta);
    else waiting.add(delta);
  }

  /** Those that get no record of their own go on among the others. */
  async #admit(): Promise<void> {
    const now = this.#ports.clock.now();
    const { aeTitles, maxUnconfigured } = this.#options;
    const known = this.#known ?? admittedOf(await this.#home.list());
    this.#known = known;
    const others = new ModalityDelta();
    let isMoved = false;
    for (const { aeTitle, delta } of [...this.#batches.values()]) {
      if (aeTitle === otherModalities) continue;
      const before = known.get(aeTitle);
      const hasSent = before?.hasSent === true || delta.instanceAt !== undefined;
      const one = { aeTitle, isConfigured: aeTitles.has(aeTitle), hasSent, lastSeenAt: delta.seenAt ?? before?.lastSeenAt ?? now };
      if (before === undefined) {
        // A delivery of what came before says nothing of a title: it may be a rewritten one.
        const room = delta.seenAt === undefined ? undefined : admission(one, known.values(), now, maxUnconfigured);
        if (room === undefined) {
          others.add(delta);
          isMoved = true;
          this.#batches.delete(aeTitle);
          continue;
        }
        if (room !== 'room') {
          known.delete(room.aeTitle);
          const unwritten = this.#batches.get(room.aeTitle);
          if (unwritten !== undefined) others.add(unwritten.delta);
          isMoved ||= this.#batches.delete(room.aeTitle);
          await this.#home.drop(modalityKey(room.aeTitle));
        }
      }
      known.set(aeTitle, one);
    }
    if (!isMoved) return;
    this.#into(otherModalities, others);
    this.#gather();
  }

  async #look(now: number): Promise<void> {
    const watch = await this.#home.watch(now, this.#options.absentAfterMs);
    const isWatched = watchedSlots(watch, (at) => this.#time.slotOf(at));
    const records = await this.#withinBounds(await this.#home.list());
    this.#known = admittedOf(records);
    for (const gone of this.#habits.keys()) if (!this.#known.has(gone)) this.#habits.delete(gone);
    this.#forget(this.#known, now);
    for (const record of records)
      if (record.aeTitle !== otherModalities) await this.#judge(record, now, isWatched, watch.outages.at(-1)?.until);
    await this.#followUp(now);
  }

  /** What the ledger has let go of is not silent any more. */
  #forget(known: ReadonlyMap<string, unknown>, at: number): void {
    for (const callingAeTitle of this.#told.keys()) {
      if (known.has(callingAeTitle)) continue;
      this.#told.delete(callingAeTitle);
      const nothing = { lastSeenAt: at, habitGapMs: undefined, change: undefined };
      this.#ports.publish({ type: 'source.observed', at, callingAeTitle, silent: false, ...nothing });
    }
  }

  /** Several nodes may have found room for the last place. */
  async #withinBounds(records: readonly ModalityRecord[]): Promise<readonly ModalityRecord[]> {
    const { aeTitles, maxUnconfigured } = this.#options;
    const others = records.filter(({ aeTitle }) => !aeTitles.has(aeTitle) && aeTitle !== otherModalities);
    if (others.length <= maxUnconfigured) return records;
    const sent = ({ lastInstanceAt }: ModalityRecord) => (lastInstanceAt === undefined ? 0 : 1);
    const surplus = others.sort((one, other) => sent(other) - sent(one) || other.lastSeenAt - one.lastSeenAt).slice(maxUnconfigured);
    for (const { aeTitle } of surplus) await this.#home.drop(modalityKey(aeTitle));
    return records.filter((record) => !surplus.includes(record));
  }

  async #judge(record: ModalityRecord, now: number, isWatched: (slot: number) => boolean, outageAt: number | undefined): Promise<void> {
    const { aeTitle, lastSeenAt } = record;
    const known = await this.#habitOf(record, isWatched, outageAt);
    if (known === undefined) return;
    const isSilent = stateOf(record, known, now) === 'silent';
    const gapMs = known.silentAt === undefined ? undefined : known.silentAt - lastSeenAt;
    const stored =
      isSilent === (record.silent !== undefined)
        ? undefined
        : await this.#home.update(aeTitle, (current) => turned(current, record, isSilent, now));
    const what = `${isSilent} ${gapMs}`;
    if (stored === undefined && this.#told.get(aeTitle) === what) return;
    this.#told.set(aeTitle, what);
    this.#ports.publish({
      type: 'source.observed',
      at: now,
      callingAeTitle: aeTitle,
      silent: isSilent,
      lastSeenAt: isSilent ? lastSeenAt : (record.silent?.since ?? lastSeenAt),
      habitGapMs: gapMs,
      change: stored === undefined ? undefined : isSilent ? 'silent' : 'back',
    });
  }

  /** Made anew when it was seen in another hour. */
  async #habitOf(
    record: ModalityRecord,
    isWatched: (slot: number) => boolean,
    outageAt: number | undefined,
  ): Promise<ModalityHabit | undefined> {
    const { aeTitle, lastSeenAt } = record;
    const lastSlot = this.#time.slotOf(lastSeenAt);
    const hour = Math.floor(lastSlot / slotsPerHour);
    const kept = this.#habits.get(aeTitle);
    if (kept?.hour === hour && kept.outageAt === outageAt) {
      if (kept.lastSlot !== lastSlot) kept.silentAt = silentAtOf(kept.habit, lastSlot, this.#time, isWatched);
      kept.lastSlot = lastSlot;
      return kept;
    }
    const read = await this.#home.read(aeTitle, sightingRows);
    if (read === undefined) return undefined;
    const found = { hour, outageAt, lastSlot, ...modalityHabit(record, read.rows, this.#time, isWatched) };
    this.#habits.set(aeTitle, found);
    return found;
  }

  async #followUp(now: number): Promise<void> {
    const { worklistFollowMs } = this.#options;
    if (worklistFollowMs === 0) return;
    for (const { aeTitle, accessionNumber, askedAt } of await this.#worklist.overdue(now - worklistFollowMs)) {
      const delta = this.#log.delta(aeTitle);
      delta.count(now, { unfollowed: 1 });
      delta.unfollowed.push({ accessionNumber, askedAt });
      this.#ports.publish({ type: 'worklist.unfollowed', at: now, callingAeTitle: aeTitle, askedAt });
    }
  }
}

/** Unless it was seen meanwhile, or another node was first. */
function turned(current: ModalityRecord, read: ModalityRecord, isSilent: boolean, now: number): ModalityRecord | undefined {
  if (current.lastSeenAt !== read.lastSeenAt || (current.silent !== undefined) === isSilent) return undefined;
  const { silent: _, ...rest } = current;
  return isSilent ? { ...rest, silent: { since: current.lastSeenAt, at: now } } : rest;
}

function admittedOf(records: readonly ModalityRecord[]): Map<string, Admitted> {
  return new Map(
    records.map(({ aeTitle, isConfigured, lastSeenAt, lastInstanceAt }) => [
      aeTitle,
      { aeTitle, isConfigured, lastSeenAt, hasSent: lastInstanceAt !== undefined },
    ]),
  );
}
