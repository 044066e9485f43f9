/** What the events come to in numbers. Runs where events are told, never where they are published. */
import type { AssociationStory } from './association-story.ts';
import { DeliveryMetrics } from './delivery-metrics.ts';
import { DestinationHealth, destinationStates } from './destination-health.ts';
import { secondsBetween } from './epoch-time.ts';
import type { AssociationEnded, AssociationOpened, OperationEnded, RelayAttempt, TelemetryEvent } from './event.ts';
import { LedgerMetrics } from './ledger-metrics.ts';
import type { MetricSet, MetricValues } from './metric-set.ts';
import { knownModality } from './modality.ts';
import { dispositionOf, isDelivered } from './operation-values.ts';
import { RelayOverhead } from './relay-overhead.ts';
import { SourceMetrics } from './source-metrics.ts';
import { associationErrorType, operationErrorType } from './span-status.ts';

export interface EventMetricsOptions {
  readonly metrics: MetricSet;
  readonly associations: AssociationStory;
  /** AE titles that may stand on a metric: those of the configuration. */
  readonly aeTitles: ReadonlySet<string>;
}

export class EventMetrics {
  readonly overhead: RelayOverhead;
  readonly ledger: LedgerMetrics;
  readonly #metrics: MetricSet;
  readonly #associations: AssociationStory;
  readonly #aeTitles: ReadonlySet<string>;
  readonly #destinations = new DestinationHealth();
  readonly #deliveries: DeliveryMetrics;
  readonly #sources: SourceMetrics;

  constructor({ metrics, associations, aeTitles }: EventMetricsOptions) {
    this.#metrics = metrics;
    this.#associations = associations;
    this.#aeTitles = aeTitles;
    this.overhead = new RelayOverhead(metrics);
    this.#deliveries = new DeliveryMetrics(metrics, this.#destinations);
    this.ledger = new LedgerMetrics(metrics);
    this.#sources = new SourceMetrics(metrics, aeTitles);
    this.#observeAssociations();
    this.#observeDestinations();
  }

  /** Before the event is told: an association that ends is still known then. */
  record(event: TelemetryEvent): void {
    switch (event.type) {
      case 'association.opened':
        if (event.role === 'server') this.#seen(event.callingAeTitle, event.at);
        return;
      case 'association.ended':
        this.#associationEnded(event);
        return;
      case 'operation.ended':
        this.#operationEnded(event);
        return;
      case 'spool.committed':
        this.#metrics.record('radiotracer.spool.write.duration', secondsBetween(event.startedAt, event.at), {});
        return;
      case 'spool.failed':
        this.#metrics.add('radiotracer.spool.failures', 1, { 'radiotracer.spool.error_code': event.code });
        return;
      case 'spool.found':
        this.#metrics.add('radiotracer.spool.findings', 1, { 'radiotracer.spool.finding.kind': event.kind });
        return;
      case 'association.taken_over':
        this.#deliveries.takenOver(event);
        return;
      case 'delivery.attempted':
        this.#deliveries.attempted(event);
        return;
      case 'delivery.dead_lettered':
        this.#deliveries.deadLettered(event);
        return;
      case 'circuit.changed':
        this.#destinations.circuit(event);
        return;
      case 'study.closed':
      case 'study.revised':
      case 'study.verified':
      case 'study.committed':
      case 'study.told':
        this.ledger.record(event);
        return;
      case 'source.observed':
        this.#sources.observed(event);
        return;
      case 'worklist.unfollowed':
        this.#sources.unfollowed(event);
        return;
      case 'association.accepted':
      case 'sop_class.refused':
      case 'spool.acceptance_changed':
      case 'queue.availability_changed':
      case 'delivery.backlog_ended':
        return;
    }
  }

  /** Titles come from peers, and there must be an end to them. */
  #aeTitle(title: string): string {
    return this.#aeTitles.has(title) ? title : '_OTHER';
  }

  #seen(callingAeTitle: string, at: number): void {
    this.#metrics.set('radiotracer.source.last_seen', at / 1000, { 'dicom.calling_ae.title': this.#aeTitle(callingAeTitle) });
  }

  #associationEnded(event: AssociationEnded): void {
    const opened = this.#associations.find(event.associationId)?.opened;
    if (opened === undefined) return;
    const errorType = associationErrorType(event);
    const seconds = secondsBetween(opened.at, event.at);
    const outcome = { 'dicom.association.outcome': event.outcome, 'error.type': errorType };
    if (opened.role === 'client') {
      const destination = { 'radiotracer.destination.id': opened.destinationId };
      this.#clientFared(opened, errorType, event.at);
      this.#metrics.record('dicom.client.association.duration', seconds, { ...outcome, ...destination });
      this.#io(event, { 'dicom.association.role': opened.role, ...destination });
      return;
    }
    const calling = { 'dicom.calling_ae.title': this.#aeTitle(opened.callingAeTitle) };
    const called = { 'dicom.called_ae.title': this.#aeTitle(opened.calledAeTitle) };
    this.#seen(opened.callingAeTitle, event.at);
    this.#metrics.record('dicom.server.association.duration', seconds, { ...outcome, ...calling, ...called });
    this.#io(event, { 'dicom.association.role': opened.role, ...calling });
  }

  /** Of a pair the side that failed ends first; what the modality did to it says nothing of the destination. */
  #clientFared(opened: AssociationOpened, errorType: string | undefined, at: number): void {
    const isMirrored = opened.pairedWith !== undefined && this.#associations.find(opened.pairedWith) === undefined;
    if (errorType === undefined || !isMirrored) this.#destinations.fared(opened.destinationId, errorType, at);
  }

  #io(event: AssociationEnded, values: MetricValues<'radiotracer.io'>): void {
    this.#metrics.add('radiotracer.io', event.bytesReceived, { ...values, 'network.io.direction': 'receive' });
    this.#metrics.add('radiotracer.io', event.bytesSent, { ...values, 'network.io.direction': 'transmit' });
  }

  #operationEnded(event: OperationEnded): void {
    this.overhead.record(event);
    const modality = knownModality(event.head?.modality);
    const calling = this.#aeTitle(event.callingAeTitle);
    const operation = {
      'dicom.operation.name': event.operation,
      'dicom.status.class': event.statusClass,
      'error.type': operationErrorType(event),
      'dicom.modality': modality,
    };
    // What an acceptor invokes goes the other way: its invoker is the destination, and nobody was called for it.
    if (event.invokedBy === 'requestor') {
      const seconds = secondsBetween(event.requestInAt, event.responseOutAt ?? event.endedAt);
      this.#metrics.record('dicom.server.operation.duration', seconds, { ...operation, 'dicom.calling_ae.title': calling });
      if (event.requestOutAt !== undefined) {
        const away = secondsBetween(event.requestOutAt, event.responseInAt ?? event.endedAt);
        this.#metrics.record('dicom.client.operation.duration', away, { ...operation, 'radiotracer.destination.id': event.destinationId });
      }
    }
    if (event.relayAttempt !== undefined) this.#relayAttempted(event, event.relayAttempt, modality);
    // What a destination sends back for a C-GET was delivered long ago.
    if (event.operation !== 'C-STORE' || event.invokedBy === 'acceptor') return;
    this.#metrics.add('radiotracer.instances', 1, {
      'radiotracer.instance.disposition': dispositionOf(event),
      'dicom.calling_ae.title': calling,
      'radiotracer.destination.id': event.destinationId,
      'dicom.modality': modality,
    });
    if (event.disposition === 'spooled') this.#deliveries.kept(event);
    if (event.disposition !== 'relayed' || !isDelivered(event)) return;
    this.#metrics.record('radiotracer.delivery.duration', secondsBetween(event.requestInAt, event.responseInAt), {
      'radiotracer.destination.id': event.destinationId,
      'dicom.modality': modality,
      'radiotracer.delivery.outcome': 'delivered',
    });
  }

  /** What the destination made of it before the proxy took over; the operation itself was answered by us. */
  #relayAttempted({ operation, destinationId }: OperationEnded, attempt: RelayAttempt, modality: string | undefined): void {
    this.#metrics.record('dicom.client.operation.duration', secondsBetween(attempt.requestOutAt, attempt.endedAt), {
      'dicom.operation.name': operation,
      'dicom.status.class': attempt.status === undefined ? undefined : 'failure',
      'error.type': attempt.errorType,
      'radiotracer.destination.id': destinationId,
      'dicom.modality': modality,
    });
  }

  #observeAssociations(): void {
    // Kept, so that what has come to none is told as 0.
    const byCalled = new Map<string, number>();
    const byDestination = new Map<string, number>();
    this.#metrics.observe(['dicom.server.association.active', 'dicom.client.association.active'], (observe) => {
      for (const counts of [byCalled, byDestination]) for (const key of counts.keys()) counts.set(key, 0);
      for (const { role, calledAeTitle, destinationId = '' } of this.#associations) {
        if (role === 'server') count(byCalled, this.#aeTitle(calledAeTitle));
        else count(byDestination, destinationId);
      }
      for (const [title, active] of byCalled) observe('dicom.server.association.active', active, { 'dicom.called_ae.title': title });
      for (const [id, active] of byDestination) observe('dicom.client.association.active', active, { 'radiotracer.destination.id': id });
    });
  }

  #observeDestinations(): void {
    this.#metrics.observe(['radiotracer.destination.status'], (observe) => {
      for (const [destination, state] of this.#destinations) {
        for (const one of destinationStates) {
          const values = { 'radiotracer.destination.id': destination, 'radiotracer.destination.state': one };
          observe('radiotracer.destination.status', one === state ? 1 : 0, values);
        }
      }
    });
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
