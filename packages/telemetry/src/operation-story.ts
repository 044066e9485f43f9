/**
 * Operations are over when they are told, so their spans are written whole. A C-STORE belongs to its study's trace:
 *
 *   study (derived) ── series (derived) ── C-STORE (SERVER) ── C-STORE {destination} (CLIENT)
 *                                                            └─ send retry.{destination} (PRODUCER), when it is queued
 *
 * and any other operation, a C-STORE that names no study, and one that the destination sends for a C-GET, to the trace of its association: what
 * is retrieved does not come.
 */
import { type SpanContext, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { type AssociationStory, type KnownAssociation, linkStudy } from './association-story.ts';
import type { AttributeValues } from './attribute.ts';
import type { OperationEnded } from './event.ts';
import { knownModality } from './modality.ts';
import {
  clientValues,
  destinationOf,
  dispositionOf,
  instanceValues,
  isDelivered,
  operationValues,
  serverValues,
  statusCode,
} from './operation-values.ts';
import type { SpanBudget } from './span-budget.ts';
import { clientOperationStatus, error, operationErrorType, serverOperationStatus } from './span-status.ts';
import type { SpanEnd, SpanEventName, SpanLink, SpanStart, SpanWriter } from './span-writer.ts';
import type { Series, Study } from './study.ts';
import type { StudyBook } from './study-book.ts';
import type { StudyIdentity } from './study-identity.ts';
import { decodeTraceparent } from './trace-parent.ts';
import { strippedUid } from './uid.ts';

/** What was told of an operation. */
export interface OperationTold {
  /** Of the SERVER span, or of what it would have hung on when it was left out. */
  readonly context: SpanContext | undefined;
  readonly values: AttributeValues;
}

export interface OperationStoryOptions {
  readonly writer: SpanWriter;
  readonly identity: StudyIdentity;
  readonly associations: AssociationStory;
  readonly book: StudyBook;
  /** An instance that takes longer is always told; 0: none is slow. */
  readonly slowInstanceMs: number;
}

export class OperationStory {
  readonly #options: OperationStoryOptions;
  #omittedSpans = 0;

  constructor(options: OperationStoryOptions) {
    this.#options = options;
  }

  /** Instance spans left out so far, over all traces. */
  get omittedSpans(): number {
    return this.#omittedSpans;
  }

  ended(event: OperationEnded): OperationTold {
    const { server, client } = this.#sides(event);
    if (event.operation === 'C-STORE') return this.#instance(event, server, client);
    const values: AttributeValues = {
      ...operationValues(event),
      'radiotracer.trace.kind': 'association',
      'radiotracer.route.id': routeOf(server, client),
    };
    const ofServer = { ...values, ...serverValues(event, server?.opened.associationId) };
    const context = this.#writeServer(event, server?.span.context, ofServer, []);
    const tried = this.#options.associations.known(event.relayAttempt?.clientAssociationId);
    this.#writeRelayAttempt(event, tried?.span.context ?? context, values, []);
    this.#writeClient(event, client?.span.context ?? context, { ...values, ...clientValues(event, client?.opened.associationId) }, []);
    return { context, values: ofServer };
  }

  /**
   * The association with the invoker, on which the operation's SERVER span hangs, and the one it was passed on. An acceptor invokes
   * on the association that we opened.
   */
  #sides(event: OperationEnded): { readonly server: KnownAssociation | undefined; readonly client: KnownAssociation | undefined } {
    const first = this.#options.associations.known(event.serverAssociationId);
    const second = this.#options.associations.known(event.clientAssociationId);
    const role = event.invokedBy === 'requestor' ? 'server' : 'client';
    const isSwapped = first !== undefined && first.opened.role !== role;
    return isSwapped ? { server: second, client: first } : { server: first, client: second };
  }

  #instance(event: OperationEnded, server: KnownAssociation | undefined, client: KnownAssociation | undefined): OperationTold {
    const { associations, book, identity } = this.#options;
    // What is ended can hold no study open, and has no more links.
    const open = [server, client].map((one) => associations.find(one?.opened.associationId));
    const studyUid = strippedUid(event.head?.studyInstanceUid);
    const comes = event.invokedBy === 'requestor';
    const study = studyUid === undefined || !comes ? undefined : book.touch(studyUid, open);
    const instanceUid = strippedUid(event.sopInstanceUid ?? event.head?.sopInstanceUid);
    const instanceHash = once(() => (instanceUid === undefined ? undefined : identity.instanceHash(instanceUid)));
    const series = study === undefined ? undefined : this.#count(event, study, instanceHash);
    // Of an instance past the span budget nobody asks for these, and they take longer than the rest of telling it.
    const common = once(
      (): AttributeValues => ({
        ...operationValues(event),
        ...instanceValues(event),
        'radiotracer.trace.kind': study === undefined ? 'association' : 'study',
        'radiotracer.route.id': routeOf(server, client),
        'dicom.study.hash': studyUid === undefined ? undefined : (study?.origin.hash ?? identity.studyHash(studyUid)),
        'dicom.series.hash': series?.hash,
        'dicom.instance.hash': instanceHash(),
        'dicom.study.uid': studyUid,
        'dicom.series.uid': series?.uid,
        'dicom.instance.uid': instanceUid,
      }),
    );
    const ofServer = once(
      (): AttributeValues => ({
        ...common(),
        ...serverValues(event, server?.opened.associationId),
        'radiotracer.instance.disposition': comes ? dispositionOf(event) : undefined,
      }),
    );
    if (studyUid !== undefined) {
      const root = study?.rootContext ?? book.lastRootOf(studyUid);
      for (const association of open) linkStudy(association, root);
    }
    const parent = parentOf(study, series) ?? server?.span.context;
    if (!this.#admits(event, study?.budget ?? open[0]?.budget, instanceHash)) return new OmittedOperation(parent, ofServer);
    const values = common();
    const context = this.#writeServer(event, parent, ofServer(), linksTo(study, server));
    this.#writeSpooled(event, context, values);
    const outcome = isDelivered(event) ? 'delivered' : 'failed';
    const delivery: AttributeValues = comes ? { 'radiotracer.delivery.attempt': 1, 'radiotracer.delivery.outcome': outcome } : {};
    this.#writeClient(
      event,
      context,
      { ...values, ...clientValues(event, client?.opened.associationId), ...delivery },
      linksTo(study, client),
    );
    return { context, values: ofServer() };
  }

  #count(event: OperationEnded, study: Study, hash: () => string | undefined): Series | undefined {
    const { identity } = this.#options;
    const uid = strippedUid(event.head?.seriesInstanceUid);
    const make = (seriesUid: string) => ({
      hash: identity.seriesHash(seriesUid),
      spanId: identity.seriesSpanId(seriesUid, study.origin.generation),
    });
    const series = uid === undefined ? undefined : study.seriesOf(uid, () => make(uid));
    study.callingAeTitle ??= event.callingAeTitle;
    study.calledAeTitle ??= event.calledAeTitle;
    study.destinationId ??= event.destinationId;
    const { dataSetBytes: sizeBytes, requestInAt: firstByteAt, endedAt } = event;
    const modality = knownModality(event.head?.modality);
    study.count({ hash, modality, sizeBytes, firstByteAt, endedAt, delivered: dispositionOf(event) !== 'failed' }, series);
    return series;
  }

  #admits(event: OperationEnded, budget: SpanBudget | undefined, hash: () => string | undefined): boolean {
    const { slowInstanceMs } = this.#options;
    const isSlow = slowInstanceMs > 0 && event.endedAt - event.requestInAt > slowInstanceMs;
    const spans = 1 + (event.requestOutAt === undefined ? 0 : 1) + (isQueued(event) ? 1 : 0) + (event.relayAttempt === undefined ? 0 : 1);
    const worthTelling =
      isSlow || event.relayAttempt !== undefined || operationErrorType(event) !== undefined || event.statusClass !== 'success';
    if (budget === undefined || budget.admit(spans, worthTelling, hash)) return true;
    this.#omittedSpans += spans;
    return false;
  }

  #writeServer(event: OperationEnded, parent: SpanContext | undefined, values: AttributeValues, links: readonly SpanLink[]): SpanContext {
    const { writer } = this.#options;
    const given = decodeTraceparent(event.traceparent);
    // A trace that the study has left since (its generation is over) is joined without a parent: it was given out, and is kept.
    const isElsewhere = given !== undefined && parent?.traceId !== given.traceId;
    const span: SpanStart & SpanEnd = {
      name: event.operation,
      kind: SpanKind.SERVER,
      parent: isElsewhere ? undefined : parent,
      startAt: event.requestInAt,
      endAt: event.responseOutAt ?? event.endedAt,
      values,
      links,
      status: serverOperationStatus(event),
      // Only a C-STORE has a first byte worth telling apart; other commands are a single read.
      events: event.operation === 'C-STORE' ? serverEvents(event) : [],
    };
    return given === undefined ? writer.write(span) : writer.writeDerived(given, span);
  }

  /** What went before the acknowledgement of an instance that was queued: the attempt that failed, and the queueing. */
  #writeSpooled(event: OperationEnded, parent: SpanContext, values: AttributeValues): void {
    const { destinationId, spooledAt } = event;
    const tried = this.#options.associations.known(event.relayAttempt?.clientAssociationId);
    const attempt: AttributeValues = { 'radiotracer.delivery.attempt': 0, 'radiotracer.delivery.outcome': 'failed' };
    const links: readonly SpanLink[] = tried === undefined ? [] : [{ to: tried.span.context, kind: 'association' }];
    this.#writeRelayAttempt(event, parent, { ...values, ...attempt }, links);
    if (!isQueued(event) || spooledAt === undefined || destinationId === undefined) return;
    const { writer, identity } = this.#options;
    writer.writeDerived(
      { traceId: parent.traceId, spanId: identity.sendSpanId(parent.spanId) },
      {
        name: `send retry.${destinationId}`,
        kind: SpanKind.PRODUCER,
        parent,
        startAt: spooledAt,
        endAt: Math.max(spooledAt, event.responseOutAt ?? spooledAt),
        values: { ...values, 'radiotracer.destination.id': destinationId },
        status: { code: SpanStatusCode.UNSET },
      },
    );
  }

  /** What the destination made of it before the proxy took over. */
  #writeRelayAttempt(event: OperationEnded, parent: SpanContext, values: AttributeValues, links: readonly SpanLink[]): void {
    const attempt = event.relayAttempt;
    if (attempt?.requestOutAt === undefined) return;
    this.#options.writer.write({
      name: `${event.operation} ${event.destinationId}`,
      kind: SpanKind.CLIENT,
      parent,
      startAt: attempt.requestOutAt,
      endAt: attempt.endedAt,
      values: {
        ...values,
        ...clientValues(event, attempt.clientAssociationId),
        // Of this attempt, not of the answer that we gave.
        'dicom.status.code': statusCode(attempt.status),
        'dicom.status.class': attempt.status === undefined ? undefined : 'failure',
        'error.type': attempt.errorType,
      },
      links,
      status: error(attempt.errorType),
    });
  }

  #writeClient(event: OperationEnded, parent: SpanContext, values: AttributeValues, links: readonly SpanLink[]): void {
    if (event.requestOutAt === undefined) return;
    this.#options.writer.write({
      name: destinationOf(event) === undefined ? event.operation : `${event.operation} ${destinationOf(event)}`,
      kind: SpanKind.CLIENT,
      parent,
      startAt: event.requestOutAt,
      endAt: event.responseInAt ?? event.endedAt,
      values,
      links,
      status: clientOperationStatus(event),
    });
  }
}

/** By which the association came to its destination: both sides know it, where both are known. */
function routeOf(server: KnownAssociation | undefined, client: KnownAssociation | undefined): string | undefined {
  return server?.opened.routeId ?? client?.opened.routeId;
}

function serverEvents(event: OperationEnded): NonNullable<SpanEnd['events']> {
  const events: { name: SpanEventName; at: number }[] = [{ name: 'first_byte', at: event.requestInAt }];
  if (event.relayAttempt !== undefined) events.push({ name: 'take_over', at: event.relayAttempt.endedAt });
  if (event.spooledAt !== undefined) events.push({ name: 'spooled', at: event.spooledAt });
  if (event.responseOutAt !== undefined) events.push({ name: 'ack_sent', at: event.responseOutAt });
  return events;
}

/** Its delivery can find it again only by the trace context that it was kept with. */
function isQueued(event: OperationEnded): boolean {
  return event.disposition === 'spooled' && event.traceparent !== undefined;
}

function parentOf(study: Study | undefined, series: Series | undefined): SpanContext | undefined {
  if (study === undefined) return undefined;
  return series === undefined ? study.rootContext : study.contextOf(series.spanId);
}

/** In its association's own trace an instance needs no link to it. */
function linksTo(study: Study | undefined, association: KnownAssociation | undefined): readonly SpanLink[] {
  return study === undefined || association === undefined ? [] : [{ to: association.span.context, kind: 'association' }];
}

/** An operation that no span tells. */
class OmittedOperation implements OperationTold {
  readonly context: SpanContext | undefined;
  readonly #makeValues: () => AttributeValues;

  constructor(context: SpanContext | undefined, makeValues: () => AttributeValues) {
    this.context = context;
    this.#makeValues = makeValues;
  }

  get values(): AttributeValues {
    return this.#makeValues();
  }
}

/** Made when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
