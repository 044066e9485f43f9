import type { DestinationHealth } from './destination-health.ts';
import { secondsBetween } from './epoch-time.ts';
import type { AssociationTakenOver, DeliveryAttempted, DeliveryDeadLettered, OperationEnded } from './event.ts';
import type { MetricSet } from './metric-set.ts';
import { knownModality } from './modality.ts';
import { attemptErrorType } from './span-status.ts';

/** What is taken over, and what becomes of it. */
export class DeliveryMetrics {
  readonly #metrics: MetricSet;
  readonly #destinations: DestinationHealth;

  constructor(metrics: MetricSet, destinations: DestinationHealth) {
    this.#metrics = metrics;
    this.#destinations = destinations;
  }

  /** A route that stores and forwards takes nothing over. */
  takenOver(event: AssociationTakenOver): void {
    if (event.errorType === undefined) return;
    this.#metrics.add('radiotracer.take_overs', 1, {
      'radiotracer.destination.id': event.destinationId,
      'radiotracer.take_over.when': event.when,
      'error.type': event.errorType,
    });
  }

  /** What was kept was on its way when the destination failed. */
  kept({ destinationId, relayAttempt }: OperationEnded): void {
    if (relayAttempt?.possibleDuplicate !== true) return;
    this.#metrics.add('radiotracer.delivery.possible_duplicates', 1, { 'radiotracer.destination.id': destinationId });
  }

  attempted(event: DeliveryAttempted): void {
    const { outcome } = event;
    const errorType = attemptErrorType(event);
    const destination = { 'radiotracer.destination.id': event.destinationId };
    // An answer, whatever it says, is a sign of life.
    if (event.status !== undefined) this.#destinations.fared(event.destinationId, undefined, event.endedAt);
    this.#metrics.add('radiotracer.deliveries', 1, {
      ...destination,
      'radiotracer.delivery.outcome': outcome,
      'error.type': errorType,
    });
    if (outcome === 'retry') this.#metrics.add('radiotracer.delivery.retries', 1, { ...destination, 'error.type': errorType });
    if (event.possibleDuplicate) this.#metrics.add('radiotracer.delivery.possible_duplicates', 1, destination);
    // Nothing was sent.
    if (outcome === 'spared') return;
    const modality = knownModality(event.modality);
    this.#metrics.record('dicom.client.operation.duration', secondsBetween(event.startedAt, event.endedAt), {
      ...destination,
      'dicom.operation.name': 'C-STORE',
      'dicom.status.class': event.statusClass,
      // What failed after the destination had it is not the destination's.
      'error.type': outcome === 'delivered' ? undefined : errorType,
      'dicom.modality': modality,
    });
    if (outcome !== 'delivered' && outcome !== 'dead') return;
    this.#metrics.record('radiotracer.delivery.duration', secondsBetween(event.receivedAt, event.endedAt), {
      ...destination,
      'dicom.modality': modality,
      'radiotracer.delivery.outcome': outcome,
    });
  }

  deadLettered(event: DeliveryDeadLettered): void {
    const values = { 'radiotracer.destination.id': event.destinationId, 'error.type': event.errorType };
    this.#metrics.add('radiotracer.dead_letters', 1, values);
  }
}
