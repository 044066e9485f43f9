/**
 * Telemetry is a passenger. Stages publish into a bounded ring, which costs them one assignment; the ring is emptied a few events at
 * a time between turns of the event loop, and only there are events turned into spans, metrics and what the listeners make of them.
 *
 *   stage ── publish ──> ring ── setImmediate, a few at a time ──> stories ──> spans (OpenTelemetry API)
 *                         └ full: dropped, counted                    ├──────> metrics
 *                                                                     └──────> listeners (log lines)
 */
import { randomBytes } from 'node:crypto';
import { isSpanContextValid, type Meter, type SpanContext, TraceFlags, type Tracer } from '@opentelemetry/api';
import { AssociationStory } from './association-story.ts';
import type { AttributeValues, Identifier } from './attribute.ts';
import { createAttributeGate } from './attribute-gate.ts';
import { BacklogWatch } from './backlog-watch.ts';
import { type Clock, systemClock } from './clock.ts';
import { type DeliverySources, observeDeliverySources } from './delivery-observer.ts';
import { hasArrived } from './delivery-outcome.ts';
import { DeliveryStory } from './delivery-story.ts';
import type { Publish, TelemetryEvent } from './event.ts';
import { EventMetrics } from './event-metrics.ts';
import { EventRing } from './event-ring.ts';
import { type LedgerSource, observeLedgerSource } from './ledger-observer.ts';
import { LedgerStory } from './ledger-story.ts';
import type { MetricName } from './metric.ts';
import { MetricSet } from './metric-set.ts';
import { OperationStory } from './operation-story.ts';
import { RefusalWatch } from './refusal-watch.ts';
import type { OverheadSums } from './relay-overhead.ts';
import type { RootTracer } from './root-tracer.ts';
import { SpanWriter } from './span-writer.ts';
import { stageValues, takeOverValues } from './stage-values.ts';
import { StudyBook } from './study-book.ts';
import { createStudyIdentity, notAllZero } from './study-identity.ts';
import { writeStudy } from './study-story.ts';
import { encodeTraceparent } from './trace-parent.ts';
import { strippedUid } from './uid.ts';

/** An event, with where in the traces it was told. */
export interface ToldEvent {
  readonly event: TelemetryEvent;
  /** Of the span that tells it; undefined when there is none. */
  readonly context: SpanContext | undefined;
  /** Of all classes: what leaves must go through a gate. */
  readonly values: AttributeValues;
}

export interface TelemetryOptions {
  readonly tracer: Tracer;
  readonly rootTracer: RootTracer;
  /** Of a provider that is registered already. */
  readonly meter: Meter;
  /** Secret; the same on every node of a site. */
  readonly siteKey: Uint8Array;
  /** AE titles that may stand on a metric; others are told as `_OTHER`. Default: none. */
  readonly aeTitles?: ReadonlySet<string>;
  /** Called for every event after the spans, for log lines; what it throws is counted. */
  readonly listeners?: readonly ((told: ToldEvent) => void)[];
  /** Indirect identifiers that the site turned on. Default: none. */
  readonly identifiers?: readonly Identifier[];
  /**
   * Who writes the root of a study's trace, and its series. memory: this, when the study has been quiet, is evicted, or at the end;
   * ledger: `study.told` does. Default memory.
   */
  readonly studiesToldBy?: 'memory' | 'ledger';
  /** Default 60 s. 0: a study is closed as soon as no association holds it. */
  readonly quietPeriodMs?: number;
  /** Default 24 h. 0: a study that comes back is always a new generation. */
  readonly studyRolloverMs?: number;
  /** Default 1000. */
  readonly maxOpenStudies?: number;
  /** Per study, and per association for instances without a study. Default 1500. 0: no limit. */
  readonly maxInstanceSpans?: number;
  /** Past `maxInstanceSpans`, one in so many is told all the same. Default 100. 0: none. */
  readonly keepOneIn?: number;
  /** An instance, or an attempt to deliver it, that takes longer is always told. Default 10 s. 0: none is slow. */
  readonly slowInstanceMs?: number;
  /** Default 10,000. */
  readonly maxOpenAssociations?: number;
  /** Events that wait to be told. Default 8192. */
  readonly maxQueuedEvents?: number;
  readonly clock?: Clock;
  /** Runs a call soon, after pending I/O. Default `setImmediate`. */
  readonly soon?: (call: () => void) => void;
  /** A study came back after the rollover: from now on it is told as this generation. Must not throw. */
  readonly rolledOver?: (studyInstanceUid: string, generation: number) => void;
}

/** A snapshot. */
export interface TelemetryStats {
  readonly published: number;
  /** Found no room in the ring. */
  readonly dropped: number;
  readonly queued: number;
  /** Errors caught in stories and listeners. */
  readonly errors: number;
  readonly openAssociations: number;
  readonly openStudies: number;
  readonly closedStudies: number;
  /** Instance spans left out because of the span budget. */
  readonly omittedSpans: number;
  readonly relayOverhead: OverheadSums;
}

/** Where a study stands that is to be remembered. */
export interface RememberedStudy {
  /** Stripped. */
  readonly studyInstanceUid: string;
  readonly generation: number;
  /** Undefined: it is open. */
  readonly closedAt: number | undefined;
}

export interface Telemetry {
  /** Never throws, never waits. */
  readonly publish: Publish;
  /**
   * W3C trace context of the SERVER span that an operation will have once `operation.ended` carries it; never throws. In the trace of the
   * study's current generation; without a study in that of its association, where that is known. Undefined: telemetry failed.
   */
  traceparent(studyInstanceUid: string | undefined, serverAssociationId: string | undefined): string | undefined;
  /** Events that found no room before they came here. */
  lost(events: number): void;
  /** Studies that were closed before this process began, or elsewhere: their generations go on from there. */
  rememberStudies(studies: readonly RememberedStudy[]): void;
  /** From now on readers of metrics see what waits, and the log says when a backlog has come to its end. Once. */
  observeDelivery(sources: DeliverySources): void;
  /** From now on readers of metrics see the ledger's figures. Once. */
  observeLedger(source: LedgerSource): void;
  /** Metrics of the application's own; see {@link MetricSet.observe}. */
  readonly observe: MetricSet['observe'];
  /** Tells everything that was published; closes every open study, unless the ledger does. Before the exporter is flushed. */
  flush(): Promise<void>;
  stats(): TelemetryStats;
}

/**
 * Events per turn of the event loop. One, some tens of microseconds, while few wait: what arrives meanwhile waits for one event at most.
 * More as the ring fills, so that no load outruns it; a millisecond of work at most.
 */
const maxEventsPerTurn = 16;
const waitingPerEvent = 32;
const maxSeriesPerStudy = 1000;
const maxUndeliveredPerStudy = 1000;
const maxClosedEntries = 20_000;

/** Random, hexadecimal. */
function randomId(bytes: number): string {
  return notAllZero(randomBytes(bytes).toString('hex'));
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { clock = systemClock, listeners = [], soon = (call) => void setImmediate(call) } = options;
  const { maxInstanceSpans = 1500, keepOneIn = 100, slowInstanceMs = 10_000 } = options;
  const ring = new EventRing(options.maxQueuedEvents ?? 8192);
  let published = 0;
  let lost = 0;
  let errors = 0;
  let isScheduled = false;

  /** Nothing that goes wrong in telemetry may be felt elsewhere. */
  const guarded = (call: () => void): void => {
    try {
      call();
    } catch {
      errors += 1;
    }
  };

  const gate = createAttributeGate(options.identifiers === undefined ? {} : { identifiers: options.identifiers });
  const writer = new SpanWriter(options.tracer, options.rootTracer, gate);
  const identity = createStudyIdentity(options.siteKey);
  const book = new StudyBook({
    identity,
    clock,
    limits: { maxSeries: maxSeriesPerStudy, maxUndelivered: maxUndeliveredPerStudy, maxInstanceSpans, keepOneIn },
    quietPeriodMs: options.quietPeriodMs ?? 60_000,
    studyRolloverMs: options.studyRolloverMs ?? 86_400_000,
    maxOpenStudies: options.maxOpenStudies ?? 1000,
    maxClosedEntries,
    isSampled: (traceId) => options.rootTracer.isSampled(traceId),
    rolledOver: options.rolledOver ?? (() => {}),
    onClose: (study, completion) => {
      if (options.studiesToldBy === 'ledger') return;
      guarded(() => eventMetrics.ledger.closed(study, completion));
      guarded(() => writeStudy(writer, study, completion));
    },
  });
  const associations = new AssociationStory({
    writer,
    maxOpenAssociations: options.maxOpenAssociations ?? 10_000,
    maxInstanceSpans,
    keepOneIn,
    release: (holder) => book.release(holder),
  });
  const operations = new OperationStory({ writer, identity, associations, book, slowInstanceMs });

  const deliveries = new DeliveryStory({ writer, identity, associations, book, maxInstanceSpans, keepOneIn, slowInstanceMs });
  const ledger = new LedgerStory({ writer, identity, book });

  const metrics = new MetricSet(options.meter, gate);
  const eventMetrics = new EventMetrics({ metrics, associations, aeTitles: options.aeTitles ?? new Set() });
  const omittedSpans = (): number => operations.omittedSpans + deliveries.omittedSpans;
  const observed: MetricName[] = ['radiotracer.telemetry.events', 'radiotracer.telemetry.errors', 'radiotracer.telemetry.spans.omitted'];
  metrics.observe(observed, (observe) => {
    observe('radiotracer.telemetry.events', published - lost - ring.dropped, { 'radiotracer.telemetry.result': 'told' });
    observe('radiotracer.telemetry.events', lost + ring.dropped, { 'radiotracer.telemetry.result': 'dropped' });
    observe('radiotracer.telemetry.errors', errors, {});
    observe('radiotracer.telemetry.spans.omitted', omittedSpans(), {});
  });

  const tellListeners = (told: ToldEvent): void => {
    for (const listener of listeners) guarded(() => listener(told));
  };
  const backlogs = new BacklogWatch({
    clock,
    ended: (event, context) => tellListeners({ event, context, values: stageValues(event) }),
  });

  const refusals = new RefusalWatch((event, { span, values }) =>
    tellListeners({ event, context: span.context, values: { ...values, 'dicom.sop_class.refused': event.sopClasses } }),
  );

  const tell = (event: TelemetryEvent): Omit<ToldEvent, 'event'> => {
    switch (event.type) {
      case 'association.opened': {
        const association = associations.opened(event);
        return { context: association.span.context, values: association.values };
      }
      case 'association.accepted': {
        const association = associations.accepted(event);
        if (association !== undefined) refusals.accepted(event, association, associations.find(association.opened.pairedWith));
        return { context: association?.span.context, values: association?.values ?? {} };
      }
      case 'association.ended':
        return associations.ended(event);
      case 'operation.ended':
        return operations.ended(event);
      case 'association.taken_over':
        return { context: associations.takenOver(event)?.span.context, values: takeOverValues(event) };
      case 'delivery.attempted':
        return deliveries.attempted(event);
      case 'delivery.dead_lettered':
        return deliveries.deadLettered(event);
      case 'study.closed':
        return ledger.closed(event);
      case 'study.revised':
        return ledger.revised(event);
      case 'study.verified':
        return ledger.verified(event);
      case 'study.committed':
        return ledger.committed(event);
      case 'study.told':
        return ledger.told(event);
      case 'sop_class.refused':
        return { context: undefined, values: {} };
      case 'delivery.backlog_ended':
      case 'circuit.changed':
      case 'spool.committed':
      case 'spool.failed':
      case 'spool.acceptance_changed':
      case 'spool.found':
      case 'queue.availability_changed':
      case 'source.observed':
      case 'worklist.unfollowed':
        return { context: undefined, values: stageValues(event) };
    }
  };

  const handle = (event: TelemetryEvent): void => {
    let told: Omit<ToldEvent, 'event'> = { context: undefined, values: {} };
    // Before the association that ends is forgotten.
    guarded(() => eventMetrics.record(event));
    guarded(() => {
      told = tell(event);
    });
    guarded(() => {
      if (event.type === 'delivery.attempted' && hasArrived(event)) backlogs.delivered(event, told.context);
    });
    tellListeners(new Heard(event, told));
  };

  const drain = (maxEvents: number): void => {
    for (let count = 0; count < maxEvents; count += 1) {
      const event = ring.shift();
      if (event === undefined) return;
      handle(event);
    }
  };

  const schedule = (): void => {
    if (isScheduled || ring.size === 0) return;
    isScheduled = true;
    soon(() => {
      isScheduled = false;
      drain(Math.min(maxEventsPerTurn, Math.ceil(ring.size / waitingPerEvent)));
      schedule();
    });
  };

  /** Where an operation's SERVER span will stand. */
  const traceOf = (studyUid: string | undefined, serverAssociationId: string | undefined): Omit<SpanContext, 'spanId'> => {
    if (studyUid !== undefined) return book.rootOf(studyUid);
    const association = associations.find(serverAssociationId)?.span.context;
    if (association !== undefined && isSpanContextValid(association)) return association;
    const traceId = randomId(16);
    return { traceId, traceFlags: options.rootTracer.isSampled(traceId) ? TraceFlags.SAMPLED : TraceFlags.NONE };
  };

  return {
    traceparent: (studyInstanceUid, serverAssociationId) => {
      try {
        return encodeTraceparent({ ...traceOf(strippedUid(studyInstanceUid), serverAssociationId), spanId: randomId(8) });
      } catch {
        errors += 1;
        return undefined;
      }
    },
    lost: (events) => {
      published += events;
      lost += events;
    },
    rememberStudies: (studies) => {
      for (const { studyInstanceUid, generation, closedAt } of studies)
        guarded(() => book.remember(studyInstanceUid, generation, closedAt ?? clock.now()));
    },
    observeLedger: (source) => observeLedgerSource(metrics, source, clock),
    observeDelivery: (sources) => {
      observeDeliverySources(metrics, sources, clock);
      backlogs.watch(sources);
    },
    observe: (names, call) => metrics.observe(names, call),
    publish: (event) => {
      published += 1;
      try {
        if (ring.push(event)) schedule();
      } catch {
        errors += 1;
      }
    },
    flush: async () => {
      while (ring.size > 0) {
        drain(maxEventsPerTurn);
        await new Promise<void>((resolve) => soon(resolve));
      }
      if (options.studiesToldBy !== 'ledger') guarded(() => book.closeAll());
    },
    stats: () => ({
      published,
      dropped: lost + ring.dropped,
      queued: ring.size,
      errors,
      openAssociations: associations.openAssociations,
      openStudies: book.openStudies,
      closedStudies: book.closedStudies,
      omittedSpans: omittedSpans(),
      relayOverhead: eventMetrics.overhead.sums,
    }),
  };
}

/** What listeners are given. Some values are only made when one asks for them, of most events nobody does. */
class Heard implements ToldEvent {
  readonly event: TelemetryEvent;
  readonly #told: Omit<ToldEvent, 'event'>;

  constructor(event: TelemetryEvent, told: Omit<ToldEvent, 'event'>) {
    this.event = event;
    this.#told = told;
  }

  get context(): SpanContext | undefined {
    return this.#told.context;
  }

  get values(): AttributeValues {
    return this.#told.values;
  }
}
