/**
 * A trace per association: one SERVER or CLIENT span, open while the association is, with counts and outcome, linked with its pair
 * and with the study traces it touched. Associations that are open are kept here, bounded.
 */
import { isIP } from 'node:net';
import { isSpanContextValid, type SpanContext, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { AttributeValues } from './attribute.ts';
import { secondsBetween } from './epoch-time.ts';
import type { AssociationAccepted, AssociationEnded, AssociationOpened, AssociationTakenOver } from './event.ts';
import { sopClassLabels } from './sop-class-name.ts';
import { SpanBudget } from './span-budget.ts';
import { associationErrorType, associationStatus } from './span-status.ts';
import type { OpenSpan, SpanWriter } from './span-writer.ts';
import type { Study, StudyHolder } from './study.ts';
import { strippedUid } from './uid.ts';

/** An association that is open, or ended lately. */
export interface KnownAssociation {
  readonly opened: AssociationOpened;
  readonly span: Pick<OpenSpan, 'context'>;
}

/** An association that has not ended. */
export interface OpenAssociation extends StudyHolder, KnownAssociation {
  readonly span: OpenSpan;
  /** For instances that name no study and so are told in this trace. */
  readonly budget: SpanBudget;
  /** Trace ids of the studies it touched, to link each once; bounded. */
  readonly linked: Set<string>;
  /** Everything told so far, for the log line at its end. */
  values: AttributeValues;
}

export interface AssociationStoryOptions {
  readonly writer: SpanWriter;
  /** Past it the oldest span is ended without an outcome. */
  readonly maxOpenAssociations: number;
  /** See {@link SpanBudget}. */
  readonly maxInstanceSpans: number;
  /** See {@link SpanBudget}. */
  readonly keepOneIn: number;
  /** The studies that it held may go quiet. */
  readonly release: (holder: StudyHolder) => void;
}

const maxStudiesTold = 1000;
const maxEndedAssociations = 256;

export class AssociationStory {
  readonly #options: AssociationStoryOptions;
  readonly #open = new Map<string, OpenAssociation>();
  /** Of those that ended lately: an operation may be told after its association. In order of end, oldest first. */
  readonly #ended = new Map<string, KnownAssociation>();

  constructor(options: AssociationStoryOptions) {
    this.#options = options;
  }

  get openAssociations(): number {
    return this.#open.size;
  }

  find(associationId: string | undefined): OpenAssociation | undefined {
    return associationId === undefined ? undefined : this.#open.get(associationId);
  }

  /** Those that are open, as they began. */
  *[Symbol.iterator](): IterableIterator<AssociationOpened> {
    for (const { opened } of this.#open.values()) yield opened;
  }

  known(associationId: string | undefined): KnownAssociation | undefined {
    return associationId === undefined ? undefined : (this.#open.get(associationId) ?? this.#ended.get(associationId));
  }

  opened(event: AssociationOpened): OpenAssociation {
    this.#makeRoom(event);
    const { writer, maxInstanceSpans, keepOneIn } = this.#options;
    const pair = this.find(event.pairedWith);
    const values = openedValues(event);
    const isServer = event.role === 'server';
    const span = writer.open({
      name: isServer || event.destinationId === undefined ? 'association' : `association ${event.destinationId}`,
      kind: isServer ? SpanKind.SERVER : SpanKind.CLIENT,
      parent: undefined,
      startAt: event.at,
      values,
      links: pair === undefined ? [] : [{ to: pair.span.context, kind: 'pair' }],
    });
    pair?.span.link({ to: span.context, kind: 'pair' });
    const budget = new SpanBudget(maxInstanceSpans, keepOneIn);
    const association = { opened: event, span, budget, linked: new Set<string>(), studies: new Set<Study>(), values };
    this.#open.set(event.associationId, association);
    return association;
  }

  accepted(event: AssociationAccepted): OpenAssociation | undefined {
    const association = this.find(event.associationId);
    if (association !== undefined) tell(association, acceptedValues(association.opened.role, event));
    return association;
  }

  takenOver(event: AssociationTakenOver): OpenAssociation | undefined {
    const association = this.find(event.serverAssociationId);
    // A route that stores and forwards takes nothing over.
    if (association === undefined || event.errorType === undefined) return association;
    tell(association, takeOverValues(event));
    association.span.event('take_over', event.at);
    return association;
  }

  /** What the association was, and its values; undefined context when its begin was never seen. */
  ended(event: AssociationEnded): { readonly context: SpanContext | undefined; readonly values: AttributeValues } {
    const association = this.find(event.associationId);
    if (association === undefined) return { context: undefined, values: endedValues(event) };
    this.#open.delete(event.associationId);
    this.#remember(association);
    tell(association, endedValues(event));
    tell(association, {
      'dicom.association.duration': secondsBetween(association.opened.at, event.at),
      'dicom.association.study.count': association.linked.size === 0 ? undefined : association.linked.size,
      'radiotracer.spans.omitted': association.budget.omitted === 0 ? undefined : association.budget.omitted,
    });
    association.span.end({ endAt: event.at, status: associationStatus(association.opened.role, event) });
    this.#options.release(association);
    return { context: association.span.context, values: association.values };
  }

  #remember({ opened, span: { context } }: OpenAssociation): void {
    this.#ended.set(opened.associationId, { opened, span: { context } });
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= maxEndedAssociations) break;
      this.#ended.delete(oldest);
    }
  }

  #makeRoom(event: AssociationOpened): void {
    for (const [id, oldest] of this.#open) {
      if (this.#open.size < this.#options.maxOpenAssociations) return;
      this.#open.delete(id);
      oldest.span.end({ endAt: event.at, status: { code: SpanStatusCode.UNSET } });
      this.#options.release(oldest);
    }
  }
}

/** Links the association with a study trace that it touched, once. */
export function linkStudy(association: OpenAssociation | undefined, root: SpanContext): void {
  if (association === undefined || !isSpanContextValid(root) || association.linked.has(root.traceId)) return;
  if (association.linked.size >= maxStudiesTold) return;
  association.linked.add(root.traceId);
  association.span.link({ to: root, kind: 'study' });
}

function tell(association: OpenAssociation, values: AttributeValues): void {
  association.values = { ...association.values, ...values };
  association.span.set(values);
}

function openedValues(event: AssociationOpened): AttributeValues {
  const peerAddress = ipAddress(event.peerAddress);
  const common: AttributeValues = {
    'radiotracer.trace.kind': 'association',
    'dicom.association.id': event.associationId,
    'dicom.association.role': event.role,
    'dicom.calling_ae.title': event.callingAeTitle,
    'dicom.called_ae.title': event.calledAeTitle,
    'network.peer.address': peerAddress,
    'network.peer.port': peerAddress === undefined ? undefined : event.peerPort,
    'radiotracer.route.id': event.routeId,
    'radiotracer.destination.id': event.destinationId,
    'dicom.presentation_context.proposed': event.proposedContexts,
  };
  return event.role === 'server'
    ? {
        ...common,
        'dicom.max_pdu.remote': event.requestorMaxPduBytes,
        'dicom.implementation.class_uid': strippedUid(event.requestorImplementationClassUid),
        'dicom.implementation.version_name': event.requestorImplementationVersionName?.trim(),
      }
    : {
        ...common,
        'dicom.max_pdu.local': event.requestorMaxPduBytes,
        'server.address': event.peerAddress,
        'server.port': event.peerPort,
        'service.peer.name': event.destinationId,
      };
}

/** IPv4 as IPv4, also where the socket is IPv6. Undefined: a name, which is `server.address` only. */
function ipAddress(host: string): string | undefined {
  const address = host.replace(/^::ffff:(?=[\d.]+$)/i, '');
  return isIP(address) === 0 ? undefined : address;
}

function acceptedValues(role: AssociationOpened['role'], event: AssociationAccepted): AttributeValues {
  const common: AttributeValues = {
    'dicom.presentation_context.accepted': event.acceptedContexts,
    'dicom.sop_class.refused': event.refusedSopClasses.length === 0 ? undefined : sopClassLabels(event.refusedSopClasses),
    'tls.protocol.version': event.tls?.protocolVersion,
    'tls.cipher': event.tls?.cipher,
  };
  return role === 'server'
    ? { ...common, 'dicom.max_pdu.local': event.acceptorMaxPduBytes }
    : {
        ...common,
        'dicom.max_pdu.remote': event.acceptorMaxPduBytes,
        'dicom.implementation.class_uid': strippedUid(event.acceptorImplementationClassUid),
        'dicom.implementation.version_name': event.acceptorImplementationVersionName?.trim(),
      };
}

function takeOverValues(event: AssociationTakenOver): AttributeValues {
  return { 'radiotracer.take_over.when': event.when, 'radiotracer.take_over.in_flight.count': event.storesInFlight };
}

function endedValues(event: AssociationEnded): AttributeValues {
  return {
    'dicom.association.id': event.associationId,
    'dicom.association.outcome': event.outcome,
    'error.type': associationErrorType(event),
    'dicom.association.reject.result': event.reject?.result,
    'dicom.association.reject.source': event.reject?.source,
    'dicom.association.reject.reason': event.reject?.reason,
    'dicom.association.reject.meaning': event.reject?.meaning,
    'dicom.association.abort.source': event.abort?.source,
    'dicom.association.abort.reason': event.abort?.reason,
    'dicom.association.abort.by': event.abort?.by,
    'dicom.association.operation.count': event.operations,
    'dicom.association.received': event.bytesReceived,
    'dicom.association.sent': event.bytesSent,
  };
}
