/**
 * What becomes of a spooled instance, told in the trace of the operation by which it came, whenever that was and whoever told it:
 *
 *   C-STORE (SERVER) ── send retry.{destination} (PRODUCER)                         when it was queued, operation-story.ts
 *                    ├─ process retry.{destination} (CONSUMER) ─link─> send         one per attempt
 *                    └─ C-STORE {destination} (CLIENT)                              one per attempt, but for one that was spared
 *
 * No study is opened for it: its generation stays, however late.
 */
import { type SpanContext, SpanKind } from '@opentelemetry/api';
import { type AssociationStory, type KnownAssociation, linkStudy, type OpenAssociation } from './association-story.ts';
import type { AttributeValues } from './attribute.ts';
import { hasArrived } from './delivery-outcome.ts';
import type { DeliveryAttempted, DeliveryDeadLettered, SpooledInstanceFacts } from './event.ts';
import { knownModality } from './modality.ts';
import { statusCode } from './operation-values.ts';
import { sopClassName } from './sop-class-name.ts';
import { SpanBudget } from './span-budget.ts';
import { attemptErrorType, attemptStatus, processStatus } from './span-status.ts';
import type { SpanLink, SpanWriter } from './span-writer.ts';
import type { Study } from './study.ts';
import type { StudyBook } from './study-book.ts';
import type { StudyIdentity } from './study-identity.ts';
import { decodeTraceparent } from './trace-parent.ts';
import { strippedUid } from './uid.ts';

export interface DeliveryTold {
  /** Of the CLIENT span, or of what it would have hung on when it was left out. */
  readonly context: SpanContext | undefined;
  readonly values: AttributeValues;
}

export interface DeliveryStoryOptions {
  readonly writer: SpanWriter;
  readonly identity: StudyIdentity;
  readonly associations: AssociationStory;
  readonly book: StudyBook;
  /** See {@link SpanBudget}. */
  readonly maxInstanceSpans: number;
  /** See {@link SpanBudget}. */
  readonly keepOneIn: number;
  /** An attempt that takes longer is always told; 0: none is slow. */
  readonly slowInstanceMs: number;
}

const spansPerAttempt = 2;
const maxBudgets = 1000;

export class DeliveryStory {
  readonly #options: DeliveryStoryOptions;
  /** Of traces whose study is not open, by trace id; oldest first. */
  readonly #budgets = new Map<string, SpanBudget>();
  #omittedSpans = 0;

  constructor(options: DeliveryStoryOptions) {
    this.#options = options;
  }

  /** Spans left out so far, over all traces. */
  get omittedSpans(): number {
    return this.#omittedSpans;
  }

  attempted(event: DeliveryAttempted): DeliveryTold {
    const { associations } = this.#options;
    // One that failed has ended by then.
    const association = associations.known(event.associationId);
    const { parent, study, hash, values } = this.#whereabouts(event, associations.find(event.associationId));
    if (hasArrived(event)) study?.settle(hash, event.endedAt, true);
    const told: AttributeValues = {
      ...values,
      'dicom.status.code': statusCode(event.status),
      'dicom.status.class': event.statusClass,
      'error.type': attemptErrorType(event),
      'dicom.association.id': association?.opened.associationId,
      'radiotracer.delivery.attempt': event.attempt,
      'radiotracer.delivery.outcome': event.outcome,
    };
    if (!this.#admits(event, parent, study, hash)) return { context: parent, values: told };
    this.#writeProcess(event, parent, told);
    if (event.outcome === 'spared') return { context: parent, values: told };
    return { context: this.#writeClient(event, parent, told, association), values: told };
  }

  deadLettered(event: DeliveryDeadLettered): DeliveryTold {
    const { parent, study, hash, values } = this.#whereabouts(event, undefined);
    study?.settle(hash, event.at, false);
    return {
      context: parent,
      values: {
        ...values,
        'dicom.status.code': statusCode(event.status),
        'error.type': event.errorType,
        'radiotracer.delivery.attempts': event.attempts,
      },
    };
  }

  /** Where it is told, and what is said of it each time. */
  #whereabouts(event: SpooledInstanceFacts, association: OpenAssociation | undefined) {
    const { identity, book } = this.#options;
    const studyUid = strippedUid(event.studyInstanceUid);
    const seriesUid = strippedUid(event.seriesInstanceUid);
    const instanceUid = strippedUid(event.sopInstanceUid);
    const sopClassUid = strippedUid(event.sopClassUid);
    const server = decodeTraceparent(event.traceparent);
    const root = studyUid === undefined ? undefined : book.rootOf(studyUid);
    const parent = server ?? root;
    // An open study of another generation has nothing to do with it.
    const isOpen = studyUid !== undefined && book.find(studyUid) !== undefined && parent?.traceId === root?.traceId;
    const study = isOpen ? book.touch(studyUid, [association]) : undefined;
    const toStudy = study?.rootContext ?? parent;
    if (toStudy !== undefined) linkStudy(association, toStudy);
    const hash = instanceUid === undefined ? undefined : identity.instanceHash(instanceUid);
    const values: AttributeValues = {
      'dicom.operation.name': 'C-STORE',
      'radiotracer.trace.kind': 'study',
      'radiotracer.instance.id': event.instanceId,
      'radiotracer.destination.id': event.destinationId,
      'radiotracer.route.id': event.routeId,
      'service.peer.name': event.destinationId,
      'dicom.calling_ae.title': event.callingAeTitle,
      'dicom.called_ae.title': event.calledAeTitle,
      'dicom.sop_class.uid': sopClassUid,
      'dicom.sop_class.name': sopClassName(sopClassUid),
      'dicom.transfer_syntax.uid': strippedUid(event.transferSyntaxUid),
      'dicom.modality': knownModality(event.modality),
      'dicom.instance.size': event.dataSetBytes,
      'dicom.study.hash': studyUid === undefined ? undefined : identity.studyHash(studyUid),
      'dicom.series.hash': seriesUid === undefined ? undefined : identity.seriesHash(seriesUid),
      'dicom.instance.hash': hash,
      'dicom.study.uid': studyUid,
      'dicom.series.uid': seriesUid,
      'dicom.instance.uid': instanceUid,
    };
    return { parent, study, hash, values };
  }

  #admits(event: DeliveryAttempted, parent: SpanContext | undefined, study: Study | undefined, hash: string | undefined): boolean {
    const budget = study?.budget ?? this.#budgetOf(parent?.traceId ?? '');
    const { slowInstanceMs } = this.#options;
    const isSlow = slowInstanceMs > 0 && event.endedAt - event.startedAt > slowInstanceMs;
    const worthTelling = isSlow || event.outcome !== 'delivered' || event.attempt > 1 || event.statusClass !== 'success';
    if (budget.admit(spansPerAttempt, worthTelling, () => hash)) return true;
    this.#omittedSpans += spansPerAttempt;
    const studyUid = strippedUid(event.studyInstanceUid);
    if (study === undefined && studyUid !== undefined) this.#options.book.omit(studyUid, parent?.traceId ?? '', spansPerAttempt);
    return false;
  }

  #budgetOf(traceId: string): SpanBudget {
    const { maxInstanceSpans, keepOneIn } = this.#options;
    const budget = this.#budgets.get(traceId) ?? new SpanBudget(maxInstanceSpans, keepOneIn);
    this.#budgets.delete(traceId);
    this.#budgets.set(traceId, budget);
    for (const oldest of this.#budgets.keys()) {
      if (this.#budgets.size <= maxBudgets) break;
      this.#budgets.delete(oldest);
    }
    return budget;
  }

  #writeProcess(event: DeliveryAttempted, parent: SpanContext | undefined, values: AttributeValues): void {
    const { writer, identity } = this.#options;
    const server = decodeTraceparent(event.traceparent);
    const send = server === undefined ? undefined : { ...server, spanId: identity.sendSpanId(server.spanId) };
    writer.write({
      name: `process retry.${event.destinationId}`,
      kind: SpanKind.CONSUMER,
      parent,
      startAt: event.startedAt,
      endAt: event.endedAt,
      values,
      links: send === undefined ? [] : [{ to: send, kind: 'send' }],
      status: processStatus(event),
    });
  }

  #writeClient(
    event: DeliveryAttempted,
    parent: SpanContext | undefined,
    values: AttributeValues,
    association: KnownAssociation | undefined,
  ): SpanContext {
    const links: readonly SpanLink[] = association === undefined ? [] : [{ to: association.span.context, kind: 'association' }];
    return this.#options.writer.write({
      name: `C-STORE ${event.destinationId}`,
      kind: SpanKind.CLIENT,
      parent,
      startAt: event.startedAt,
      endAt: event.endedAt,
      values,
      links,
      status: attemptStatus(event),
    });
  }
}
