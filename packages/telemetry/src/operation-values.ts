import type { AttributeValues } from './attribute.ts';
import { secondsBetween } from './epoch-time.ts';
import type { OperationEnded } from './event.ts';
import { knownModality } from './modality.ts';
import { sopClassName } from './sop-class-name.ts';
import { operationErrorType } from './span-status.ts';
import { strippedUid } from './uid.ts';

/** What both sides of an operation say of it. */
export function operationValues(event: OperationEnded): AttributeValues {
  const sopClassUid = strippedUid(event.sopClassUid ?? event.head?.sopClassUid);
  return {
    'dicom.operation.name': event.operation,
    'dicom.operation.invoked_by': event.invokedBy,
    'dicom.operation.pending.count': event.pendingResponses === 0 ? undefined : event.pendingResponses,
    'dicom.message.id': event.messageId,
    'dicom.status.code': statusCode(event.status),
    'dicom.status.class': event.statusClass,
    'error.type': operationErrorType(event),
    'dicom.sop_class.uid': sopClassUid,
    'dicom.sop_class.name': sopClassName(sopClassUid),
  };
}

/** What the SERVER span says besides: who asked, and what the relay cost. */
export function serverValues(event: OperationEnded, associationId: string | undefined): AttributeValues {
  return {
    'dicom.association.id': associationId,
    'dicom.calling_ae.title': event.callingAeTitle,
    'dicom.called_ae.title': event.calledAeTitle,
    'radiotracer.destination.id': event.destinationId,
    'radiotracer.relay.overhead.request': secondsBetween(event.commandInAt, event.requestOutAt),
    'radiotracer.relay.overhead.response': secondsBetween(event.responseInAt, event.responseOutAt),
  };
}

/** What the CLIENT span says besides: who was asked. */
export function clientValues(event: OperationEnded, associationId: string | undefined): AttributeValues {
  return {
    'dicom.association.id': associationId,
    'radiotracer.destination.id': event.destinationId,
    'service.peer.name': destinationOf(event),
  };
}

/** The destination where it is the one asked; what an acceptor invokes goes the other way, to the modality. */
export function destinationOf(event: OperationEnded): string | undefined {
  return event.invokedBy === 'requestor' ? event.destinationId : undefined;
}

/** What a C-STORE says of its instance, without pseudonyms and UIDs. */
export function instanceValues(event: OperationEnded): AttributeValues {
  const identifiers = event.head?.identifiers;
  return {
    'dicom.transfer_syntax.uid': strippedUid(event.transferSyntaxUid),
    'dicom.modality': knownModality(event.head?.modality),
    'dicom.instance.size': event.dataSetBytes,
    'dicom.instance.number_of_frames': event.head?.numberOfFrames,
    'dicom.study.accession_number': identifiers?.accessionNumber,
    'dicom.study.date': identifiers?.studyDate,
    'dicom.study.time': identifiers?.studyTime,
    'dicom.station.name': identifiers?.stationName,
  };
}

/** Status (0000,0900) as four hexadecimal digits. */
export function statusCode(status: number | undefined): string | undefined {
  return status?.toString(16).toUpperCase().padStart(4, '0');
}

/** Answered by the destination with success or warning. */
export function isDelivered(event: OperationEnded): boolean {
  return event.responseInAt !== undefined && (event.statusClass === 'success' || event.statusClass === 'warning');
}

export function dispositionOf(event: OperationEnded): 'relayed' | 'spooled' | 'failed' {
  if (event.disposition === 'spooled') return 'spooled';
  return isDelivered(event) ? 'relayed' : 'failed';
}
