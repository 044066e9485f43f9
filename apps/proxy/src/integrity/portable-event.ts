/** Events as they go to another thread: values only, and no byte of a buffer that is not theirs. */
import type { InstanceHead, InstancePlace } from '@radiotracer/instance';
import type {
  AssociationEnded,
  AssociationOpened,
  DeliveryAttempted,
  DeliveryDeadLettered,
  OperationEnded,
  TelemetryEvent,
} from '@radiotracer/telemetry';
import { portableHead } from '../telemetry/thread/portable.ts';

interface PortablePlace extends Omit<InstancePlace, 'patientKey'> {
  /** Stays in this process, and is hashed there. */
  readonly patientId: Uint8Array | undefined;
}

interface PortableHead extends Omit<InstanceHead, 'place'> {
  readonly place: PortablePlace | undefined;
}

export type PortableEvent =
  | (Omit<OperationEnded, 'head'> & { readonly head: PortableHead | undefined })
  | AssociationOpened
  | AssociationEnded
  | DeliveryAttempted
  | DeliveryDeadLettered;

/** Undefined: the ledger has no use for this kind. */
export function portable(event: TelemetryEvent): PortableEvent | undefined {
  switch (event.type) {
    case 'association.opened':
    case 'association.ended':
    case 'delivery.attempted':
    case 'delivery.dead_lettered':
      return event;
    case 'operation.ended':
      return {
        ...event,
        head: event.head === undefined ? undefined : headOf(event.head),
        dataSet: ownBytes(event.dataSet),
        responseDataSet: ownBytes(event.responseDataSet),
      };
    default:
      return undefined;
  }
}

export function restored(event: PortableEvent): TelemetryEvent {
  if (event.type !== 'operation.ended') return event;
  const { head } = event;
  if (head === undefined) return { ...event, head };
  if (head.place === undefined) return { ...event, head: { ...head, place: undefined } };
  const { patientId, ...place } = head.place;
  const patientKey: InstancePlace['patientKey'] = (keyed) => (patientId === undefined ? undefined : keyed(patientId));
  return { ...event, head: { ...head, place: { ...place, patientKey } } };
}

function headOf(head: InstanceHead): PortableHead {
  return { ...portableHead(head), place: head.place === undefined ? undefined : placeOf(head.place) };
}

function placeOf(place: InstancePlace): PortablePlace {
  let patientId: Uint8Array | undefined;
  place.patientKey((bytes) => {
    patientId = ownBytes(bytes);
    return '';
  });
  return {
    patientId,
    accessionNumber: place.accessionNumber,
    cardiacNumberOfImages: place.cardiacNumberOfImages,
    acquisitionNumber: place.acquisitionNumber,
    instanceNumber: place.instanceNumber,
    frameOfReferenceUid: place.frameOfReferenceUid,
    numberOfTemporalPositions: place.numberOfTemporalPositions,
    imagesInAcquisition: place.imagesInAcquisition,
    numberOfStudyRelatedInstances: place.numberOfStudyRelatedInstances,
    numberOfSeriesRelatedInstances: place.numberOfSeriesRelatedInstances,
    concatenationUid: place.concatenationUid,
    inConcatenationTotalNumber: place.inConcatenationTotalNumber,
    numberOfRRIntervals: place.numberOfRRIntervals,
    numberOfTimeSlots: place.numberOfTimeSlots,
    numberOfSlices: place.numberOfSlices,
    numberOfTimeSlices: place.numberOfTimeSlices,
    cutShort: place.cutShort,
  };
}

/** A view would take its whole buffer along, pooled ones with what else lies in them. */
function ownBytes(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes === undefined ? undefined : new Uint8Array(bytes);
}
