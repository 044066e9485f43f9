import { type SpanContext, TraceFlags } from '@opentelemetry/api';
import type { EpochMs } from './event.ts';
import { SpanBudget } from './span-budget.ts';
import type { StudyTraceIds } from './study-identity.ts';

/** One C-STORE as a study counts it. */
export interface StudyInstance {
  /** Keyed hash of the SOP Instance UID; undefined when it has none. Asked for only where one is missing. */
  readonly hash: () => string | undefined;
  /** A defined term, or _OTHER. */
  readonly modality: string | undefined;
  readonly sizeBytes: number;
  readonly firstByteAt: EpochMs;
  readonly endedAt: EpochMs;
  /** Answered with success or warning. */
  readonly delivered: boolean;
}

/** How an open study is told from the outside. */
export interface StudyOrigin {
  /** Stripped Study Instance UID. */
  readonly uid: string;
  /** `dicom.study.hash`. */
  readonly hash: string;
  readonly generation: number;
  readonly ids: StudyTraceIds;
  /** The head sampler's decision on the trace id. */
  readonly sampled: boolean;
  /** The generation before this one, to be linked. */
  readonly earlier: SpanContext | undefined;
  /** Its root was written when it was closed before; it is not written again. */
  readonly rootTold: boolean;
  /** Span ids of series that were written then. */
  readonly seriesTold: ReadonlySet<string>;
  /** Instance spans that were left out before that. */
  readonly omittedSpans: number;
}

/** One series of an open study. */
export interface Series {
  /** Stripped Series Instance UID. */
  readonly uid: string;
  readonly hash: string;
  readonly spanId: string;
  modality: string | undefined;
  instances: number;
  sizeBytes: number;
  firstAt: EpochMs;
  lastAt: EpochMs;
}

/** Who keeps a study open: an association that is active and touched it. */
export interface StudyHolder {
  readonly studies: Set<Study>;
}

export interface StudyLimits {
  /** Series told apart; instances of further ones hang on the root. */
  readonly maxSeries: number;
  /** Failed instances remembered until they are delivered. */
  readonly maxUndelivered: number;
  /** See {@link SpanBudget}. */
  readonly maxInstanceSpans: number;
  /** See {@link SpanBudget}. */
  readonly keepOneIn: number;
}

const maxModalities = 16;

/** An open study: what is counted between its first byte and its close. Bounded, whatever is sent. */
export class Study {
  readonly origin: StudyOrigin;
  readonly budget: SpanBudget;
  readonly series = new Map<string, Series>();
  readonly modalities = new Set<string>();
  readonly holders = new Set<StudyHolder>();
  /** When something last happened to it, by our own clock. */
  touchedAt: EpochMs;
  firstByteAt: EpochMs = Number.POSITIVE_INFINITY;
  lastAt: EpochMs = Number.NEGATIVE_INFINITY;
  /** The last of it came. */
  receivedAt: EpochMs = Number.NEGATIVE_INFINITY;
  instances = 0;
  sizeBytes = 0;
  callingAeTitle: string | undefined;
  calledAeTitle: string | undefined;
  destinationId: string | undefined;
  readonly #limits: StudyLimits;
  readonly #undelivered = new Set<string>();
  #undeliveredNameless = 0;

  constructor(origin: StudyOrigin, limits: StudyLimits, now: EpochMs) {
    this.origin = origin;
    this.touchedAt = now;
    this.budget = new SpanBudget(limits.maxInstanceSpans, limits.keepOneIn);
    this.#limits = limits;
  }

  /** Instances that failed and were not delivered since; those past the memory for them are counted for good. */
  get undelivered(): number {
    return this.#undelivered.size + this.#undeliveredNameless;
  }

  /** The remote parent of what hangs on the root. */
  get rootContext(): SpanContext {
    return this.contextOf(this.origin.ids.rootSpanId);
  }

  contextOf(spanId: string): SpanContext {
    const traceFlags = this.origin.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
    return { traceId: this.origin.ids.traceId, spanId, traceFlags, isRemote: true };
  }

  /** The series of that UID; undefined when there are too many. */
  seriesOf(uid: string, make: () => { readonly hash: string; readonly spanId: string }): Series | undefined {
    const known = this.series.get(uid);
    if (known !== undefined || this.series.size >= this.#limits.maxSeries) return known;
    const counts = { modality: undefined, instances: 0, sizeBytes: 0, firstAt: Number.POSITIVE_INFINITY, lastAt: Number.NEGATIVE_INFINITY };
    const series: Series = { uid, ...make(), ...counts };
    this.series.set(uid, series);
    return series;
  }

  /** An instance that was acknowledged before has come to its end: given up, or at the destination after all. */
  settle(hash: string | undefined, at: EpochMs, delivered: boolean): void {
    this.lastAt = Math.max(this.lastAt, at);
    if (!delivered) this.#miss(hash);
    else if (hash !== undefined) this.#undelivered.delete(hash);
  }

  /** Counts an instance in. */
  count(instance: StudyInstance, series: Series | undefined): void {
    this.firstByteAt = Math.min(this.firstByteAt, instance.firstByteAt);
    this.lastAt = Math.max(this.lastAt, instance.endedAt);
    this.receivedAt = Math.max(this.receivedAt, instance.endedAt);
    if (instance.modality !== undefined && this.modalities.size < maxModalities) this.modalities.add(instance.modality);
    if (series !== undefined) {
      series.modality ??= instance.modality;
      series.firstAt = Math.min(series.firstAt, instance.firstByteAt);
      series.lastAt = Math.max(series.lastAt, instance.endedAt);
    }
    if (instance.delivered) {
      this.instances += 1;
      this.sizeBytes += instance.sizeBytes;
      if (series !== undefined) {
        series.instances += 1;
        series.sizeBytes += instance.sizeBytes;
      }
      if (this.#undelivered.size > 0) this.#undelivered.delete(instance.hash() ?? '');
      return;
    }
    this.#miss(instance.hash());
  }

  #miss(hash: string | undefined): void {
    if (hash !== undefined && this.#undelivered.size < this.#limits.maxUndelivered) this.#undelivered.add(hash);
    else if (hash === undefined || !this.#undelivered.has(hash)) this.#undeliveredNameless += 1;
  }
}
