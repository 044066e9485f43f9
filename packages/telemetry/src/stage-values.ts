import type { AttributeValues } from './attribute.ts';
import { secondsBetween } from './epoch-time.ts';
import type {
  AssociationTakenOver,
  CircuitChanged,
  DeliveryBacklogEnded,
  QueueAvailabilityChanged,
  SourceObserved,
  SpoolAcceptanceChanged,
  SpoolCommitted,
  SpoolFailed,
  SpoolFound,
  WorklistUnfollowed,
} from './event.ts';

/** Events of stages that have no span of their own. */
export type StageEvent =
  | CircuitChanged
  | DeliveryBacklogEnded
  | QueueAvailabilityChanged
  | SpoolAcceptanceChanged
  | SpoolCommitted
  | SpoolFailed
  | SourceObserved
  | SpoolFound
  | WorklistUnfollowed;

/** What log lines say of them. */
export function stageValues(event: StageEvent): AttributeValues {
  switch (event.type) {
    case 'circuit.changed':
      return {
        'radiotracer.destination.id': event.destinationId,
        'radiotracer.circuit.state': event.to,
        'error.type': event.errorType,
      };
    case 'delivery.backlog_ended':
      return {
        'radiotracer.destination.id': event.destinationId,
        'radiotracer.backlog.delivered.count': event.delivered,
        'radiotracer.backlog.duration': secondsBetween(event.oldestReceivedAt, event.at),
      };
    case 'queue.availability_changed':
      return {
        'radiotracer.queue.home': event.home,
        'radiotracer.queue.available': event.available,
        'radiotracer.queue.reason': event.reason,
      };
    case 'spool.acceptance_changed':
      return {
        'radiotracer.spool.state': event.accepting ? 'accepting' : 'refusing',
        'radiotracer.spool.reason': event.reason,
        'radiotracer.spool.used': event.usedBytes,
      };
    case 'spool.failed':
      return { 'radiotracer.destination.id': event.destinationId, 'radiotracer.spool.error_code': event.code };
    case 'spool.found':
      return { 'radiotracer.spool.finding.kind': event.kind, 'radiotracer.instance.id': event.instanceId };
    case 'source.observed':
      return {
        'dicom.calling_ae.title': event.callingAeTitle,
        'radiotracer.source.quiet.duration': secondsBetween(event.lastSeenAt, event.at),
        'radiotracer.source.habit.gap': event.habitGapMs === undefined ? undefined : event.habitGapMs / 1000,
      };
    case 'worklist.unfollowed':
      return { 'dicom.calling_ae.title': event.callingAeTitle, 'radiotracer.worklist.age': secondsBetween(event.askedAt, event.at) };
    case 'spool.committed':
      return {};
  }
}

/** What the log line of a take-over says, whether its association is known or not. */
export function takeOverValues(event: AssociationTakenOver): AttributeValues {
  return {
    'dicom.association.id': event.serverAssociationId,
    'dicom.calling_ae.title': event.callingAeTitle,
    'dicom.called_ae.title': event.calledAeTitle,
    'radiotracer.destination.id': event.destinationId,
    'radiotracer.route.id': event.routeId,
    'radiotracer.take_over.when': event.when,
    'radiotracer.take_over.in_flight.count': event.storesInFlight,
    'error.type': event.errorType,
  };
}
