/**
 * The open studies, in memory and bounded. A study is opened by the first instance that names it and closed when nothing touched it
 * for the quiet period and no association that touched it is active; or early, when the book is full; or at shutdown.
 *
 *   absent ── touch ──> open ── quiet, evicted, shutdown ──> closed ── touch ──> open again, same generation, root told already
 *                                                              └── touch after the rollover ──> open, next generation
 */
import { type SpanContext, TraceFlags } from '@opentelemetry/api';
import type { Clock } from './clock.ts';
import type { EpochMs } from './event.ts';
import { Study, type StudyHolder, type StudyLimits, type StudyOrigin } from './study.ts';
import type { StudyIdentity } from './study-identity.ts';

/** Why a study was closed. */
export type Completion = 'quiet' | 'evicted' | 'shutdown';

export interface StudyBookOptions {
  readonly identity: StudyIdentity;
  readonly clock: Clock;
  readonly limits: StudyLimits;
  /** 0: closed as soon as nothing holds it. */
  readonly quietPeriodMs: number;
  /** A study that comes back later than this after its close is a new generation; 0: always. */
  readonly studyRolloverMs: number;
  /** At least 1; past it the one that was quiet for longest is closed early. */
  readonly maxOpenStudies: number;
  /** Closed studies (and their series) that are remembered, so that their ids go on and nothing is told twice. */
  readonly maxClosedEntries: number;
  readonly isSampled: (traceId: string) => boolean;
  /** A study came back after the rollover. */
  readonly rolledOver: (uid: string, generation: number) => void;
  /** Called once for every close. */
  readonly onClose: (study: Study, completion: Completion) => void;
}

/** What stays of a closed study: no UID longer than the standard's 64 characters, no counts. */
interface ClosedStudy {
  readonly closedAt: EpochMs;
  readonly generation: number;
  readonly root: SpanContext;
  readonly seriesTold: ReadonlySet<string>;
  /** Instance spans that were left out; of deliveries after the close too. */
  omittedSpans: number;
}

const maxUidLength = 64;

export class StudyBook {
  readonly #options: StudyBookOptions;
  /** In order of last touch, oldest first. */
  readonly #open = new Map<string, Study>();
  /** In order of close, oldest first. */
  readonly #closed = new Map<string, ClosedStudy>();
  #closedEntries = 0;
  #closedStudies = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(options: StudyBookOptions) {
    this.#options = options;
  }

  get openStudies(): number {
    return this.#open.size;
  }

  /** Closes so far. */
  get closedStudies(): number {
    return this.#closedStudies;
  }

  /** The study of that UID (stripped) where it is open; nothing changes. */
  find(uid: string): Study | undefined {
    return this.#open.get(this.#keyOf(uid));
  }

  /** The root of the trace in which the study of that UID (stripped) is told now; nothing changes. */
  rootOf(uid: string): SpanContext {
    const key = this.#keyOf(uid);
    const open = this.#open.get(key);
    if (open !== undefined) return open.rootContext;
    return this.contextOf(uid, this.#generationOf(this.#closed.get(key)));
  }

  /** The root of the trace in which the study of that UID (stripped) was told last; nothing changes. */
  lastRootOf(uid: string): SpanContext {
    const key = this.#keyOf(uid);
    return this.#open.get(key)?.rootContext ?? this.#closed.get(key)?.root ?? this.contextOf(uid, 0);
  }

  /** The study of that UID (stripped), opened if need be, and kept open by the holders. */
  touch(uid: string, holders: readonly (StudyHolder | undefined)[]): Study {
    const key = this.#keyOf(uid);
    const study = this.#open.get(key) ?? this.#begin(key, uid);
    this.#moveToEnd(key, study);
    for (const holder of holders) {
      if (holder === undefined) continue;
      study.holders.add(holder);
      holder.studies.add(study);
    }
    this.#arm();
    return study;
  }

  /** The holder is over; the quiet period of what it held begins. */
  release(holder: StudyHolder): void {
    for (const study of holder.studies) {
      study.holders.delete(holder);
      this.#moveToEnd(this.#keyOf(study.origin.uid), study);
    }
    holder.studies.clear();
    this.#arm();
  }

  /** A study is closed, as somebody knows who remembers for longer: where it is not open here, its generation goes on from there. */
  remember(uid: string, generation: number, closedAt: EpochMs): void {
    const key = this.#keyOf(uid);
    const before = this.#closed.get(key);
    if (this.#open.has(key) || (before !== undefined && before.generation > generation)) return;
    this.#forget(key);
    const kept = before?.generation === generation ? before : undefined;
    const root = kept?.root ?? this.contextOf(uid, generation);
    this.#put(key, { closedAt, generation, root, seriesTold: kept?.seriesTold ?? new Set(), omittedSpans: kept?.omittedSpans ?? 0 });
  }

  /** Of this generation of a study, as far as that is known here. */
  omittedSpans(uid: string, generation: number): number {
    const key = this.#keyOf(uid);
    const open = this.#open.get(key);
    if (open?.origin.generation === generation) return omittedOf(open);
    const closed = this.#closed.get(key);
    return closed?.generation === generation ? closed.omittedSpans : 0;
  }

  /** Instance spans were left out of the trace of a study that is not open. */
  omit(uid: string, traceId: string, spans: number): void {
    const closed = this.#closed.get(this.#keyOf(uid));
    if (closed?.root.traceId === traceId) closed.omittedSpans += spans;
  }

  /** The root of a generation's trace. */
  contextOf(uid: string, generation: number): SpanContext {
    const { traceId, rootSpanId } = this.#options.identity.study(uid, generation);
    const traceFlags = this.#options.isSampled(traceId) ? TraceFlags.SAMPLED : TraceFlags.NONE;
    return { traceId, spanId: rootSpanId, traceFlags, isRemote: true };
  }

  /** Closes everything that is open. */
  closeAll(): void {
    for (const [key, study] of this.#open) this.#close(key, study, 'shutdown');
    this.#arm();
  }

  #keyOf(uid: string): string {
    return uid.length <= maxUidLength ? uid : this.#options.identity.studyHash(uid);
  }

  #begin(key: string, uid: string): Study {
    const { clock, maxOpenStudies, limits } = this.#options;
    while (this.#open.size >= maxOpenStudies) {
      const oldest = this.#open.entries().next().value;
      if (oldest === undefined) break;
      this.#close(oldest[0], oldest[1], 'evicted');
    }
    return new Study(this.#originOf(key, uid), limits, clock.now());
  }

  #originOf(key: string, uid: string): StudyOrigin {
    const { identity, isSampled } = this.#options;
    const before = this.#forget(key);
    const generation = this.#generationOf(before);
    const rolledOver = before !== undefined && generation !== before.generation;
    if (rolledOver) this.#options.rolledOver(uid, generation);
    const again = before !== undefined && !rolledOver;
    const ids = identity.study(uid, generation);
    return {
      uid,
      hash: identity.studyHash(uid),
      generation,
      ids,
      sampled: isSampled(ids.traceId),
      earlier: rolledOver ? before.root : undefined,
      rootTold: again,
      seriesTold: again ? before.seriesTold : new Set(),
      omittedSpans: again ? before.omittedSpans : 0,
    };
  }

  #generationOf(before: ClosedStudy | undefined): number {
    if (before === undefined) return 0;
    const rolledOver = this.#options.clock.now() - before.closedAt > this.#options.studyRolloverMs;
    return before.generation + (rolledOver ? 1 : 0);
  }

  #close(key: string, study: Study, completion: Completion): void {
    this.#open.delete(key);
    for (const holder of study.holders) holder.studies.delete(study);
    study.holders.clear();
    this.#closedStudies += 1;
    this.#remember(key, study);
    this.#options.onClose(study, completion);
  }

  #remember(key: string, study: Study): void {
    const seriesTold = new Set(study.origin.seriesTold);
    for (const series of study.series.values()) seriesTold.add(series.spanId);
    const { generation } = study.origin;
    const closedAt = this.#options.clock.now();
    this.#put(key, { closedAt, generation, root: study.rootContext, seriesTold, omittedSpans: omittedOf(study) });
  }

  #put(key: string, closed: ClosedStudy): void {
    this.#closed.set(key, closed);
    this.#closedEntries += 1 + closed.seriesTold.size;
    for (const oldest of this.#closed.keys()) {
      if (this.#closedEntries <= this.#options.maxClosedEntries) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string): ClosedStudy | undefined {
    const closed = this.#closed.get(key);
    if (closed === undefined) return undefined;
    this.#closed.delete(key);
    this.#closedEntries -= 1 + closed.seriesTold.size;
    return closed;
  }

  #moveToEnd(key: string, study: Study): void {
    study.touchedAt = this.#options.clock.now();
    this.#open.delete(key);
    this.#open.set(key, study);
  }

  /** One timer, for the study that is due first; a touch never moves that forward, so an armed timer stays. */
  #arm(): void {
    if (this.#cancelTimer !== undefined) {
      if (this.#open.size > 0) return;
      this.#cancelTimer();
      this.#cancelTimer = undefined;
      return;
    }
    for (const study of this.#open.values()) {
      if (study.holders.size > 0) continue;
      const delayMs = Math.max(0, study.touchedAt + this.#options.quietPeriodMs - this.#options.clock.now());
      this.#cancelTimer = this.#options.clock.after(delayMs, () => {
        this.#cancelTimer = undefined;
        this.#closeQuiet();
        this.#arm();
      });
      return;
    }
  }

  #closeQuiet(): void {
    const dueAt = this.#options.clock.now() - this.#options.quietPeriodMs;
    for (const [key, study] of this.#open) {
      if (study.touchedAt > dueAt) break;
      if (study.holders.size === 0) this.#close(key, study, 'quiet');
    }
  }
}

function omittedOf({ origin, budget }: Study): number {
  return origin.omittedSpans + budget.omitted;
}
