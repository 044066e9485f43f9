/**
 * An operation as a row of values, for its way to another thread. It is told of for every instance; as an object its some fifty names would go
 * along each time, be written here and looked up there.
 */
import type { InstanceHead, InstancePlace } from '@radiotracer/instance';
import type { OperationEnded } from '@radiotracer/telemetry';

/** In the order of {@link flatOperation}. */
export type FlatOperation = readonly unknown[];

/** What goes along of an operation besides what always does. */
export interface FlatParts {
  /** Data sets, and the place of the instance, Patient ID included. */
  readonly isWhole: boolean;
  /** Of its instance. */
  readonly hasIdentifiers: boolean;
}

/** Values are read out. */
export function flatOperation(event: OperationEnded, { isWhole, hasIdentifiers }: FlatParts): FlatOperation {
  const { head } = event;
  const values: unknown[] = [
    event.serverAssociationId,
    event.clientAssociationId,
    event.invokedBy,
    event.operation,
    event.messageId,
    event.destinationId,
    event.callingAeTitle,
    event.calledAeTitle,
    event.sopClassUid,
    event.sopInstanceUid,
    event.transferSyntaxUid,
    event.requestInAt,
    event.commandInAt,
    event.requestOutAt,
    event.requestEndAt,
    event.responseInAt,
    event.responseOutAt,
    event.endedAt,
    event.status,
    event.statusClass,
    event.errorType,
    event.ours,
    event.disposition,
    event.dataSetBytes,
    event.pendingResponses,
    event.dataSetChecksum,
    event.suboperations,
    event.traceparent,
    event.spooledAt,
    event.relayAttempt,
    isWhole ? event.dataSet : undefined,
    isWhole ? event.responseDataSet : undefined,
  ];
  if (head === undefined) return values;
  values.push(head.sopClassUid, head.sopInstanceUid, head.studyInstanceUid, head.seriesInstanceUid, head.modality, head.numberOfFrames);
  values.push(hasIdentifiers ? head.identifiers : undefined);
  if (isWhole && head.place !== undefined) pushPlace(values, head.place);
  return values;
}

export function operationOf(values: FlatOperation): OperationEnded {
  return {
    type: 'operation.ended',
    serverAssociationId: values[0],
    clientAssociationId: values[1],
    invokedBy: values[2],
    operation: values[3],
    messageId: values[4],
    destinationId: values[5],
    callingAeTitle: values[6],
    calledAeTitle: values[7],
    sopClassUid: values[8],
    sopInstanceUid: values[9],
    transferSyntaxUid: values[10],
    requestInAt: values[11],
    commandInAt: values[12],
    requestOutAt: values[13],
    requestEndAt: values[14],
    responseInAt: values[15],
    responseOutAt: values[16],
    endedAt: values[17],
    status: values[18],
    statusClass: values[19],
    errorType: values[20],
    ours: values[21],
    disposition: values[22],
    dataSetBytes: values[23],
    pendingResponses: values[24],
    dataSetChecksum: values[25],
    suboperations: values[26],
    traceparent: values[27],
    spooledAt: values[28],
    relayAttempt: values[29],
    dataSet: values[30],
    responseDataSet: values[31],
    head: values.length > headAt ? headOf(values) : undefined,
    // The row is made by the function above, of one of these.
  } satisfies Record<keyof OperationEnded, unknown> as OperationEnded;
}

const headAt = 32;
const placeAt = 39;

function headOf(values: FlatOperation): InstanceHead {
  return {
    sopClassUid: values[headAt],
    sopInstanceUid: values[headAt + 1],
    studyInstanceUid: values[headAt + 2],
    seriesInstanceUid: values[headAt + 3],
    modality: values[headAt + 4],
    numberOfFrames: values[headAt + 5],
    identifiers: values[headAt + 6],
    place: values.length > placeAt ? placeOf(values) : undefined,
  } satisfies Record<keyof InstanceHead, unknown> as InstanceHead;
}

function pushPlace(values: unknown[], place: InstancePlace): void {
  let patientId: Uint8Array | undefined;
  place.patientKey((bytes) => {
    patientId = bytes;
    return '';
  });
  values.push(
    patientId,
    place.accessionNumber,
    place.cardiacNumberOfImages,
    place.acquisitionNumber,
    place.instanceNumber,
    place.frameOfReferenceUid,
    place.numberOfTemporalPositions,
    place.imagesInAcquisition,
    place.numberOfStudyRelatedInstances,
    place.numberOfSeriesRelatedInstances,
    place.concatenationUid,
    place.inConcatenationTotalNumber,
    place.numberOfRRIntervals,
    place.numberOfTimeSlots,
    place.numberOfSlices,
    place.numberOfTimeSlices,
    place.cutShort,
  );
}

/** The Patient ID stays in this process, and is hashed there. */
function placeOf(values: FlatOperation): InstancePlace {
  const patientId = values[placeAt] as Uint8Array | undefined;
  return {
    patientKey: (keyed: (bytes: Uint8Array) => string) => (patientId === undefined ? undefined : keyed(patientId)),
    accessionNumber: values[placeAt + 1],
    cardiacNumberOfImages: values[placeAt + 2],
    acquisitionNumber: values[placeAt + 3],
    instanceNumber: values[placeAt + 4],
    frameOfReferenceUid: values[placeAt + 5],
    numberOfTemporalPositions: values[placeAt + 6],
    imagesInAcquisition: values[placeAt + 7],
    numberOfStudyRelatedInstances: values[placeAt + 8],
    numberOfSeriesRelatedInstances: values[placeAt + 9],
    concatenationUid: values[placeAt + 10],
    inConcatenationTotalNumber: values[placeAt + 11],
    numberOfRRIntervals: values[placeAt + 12],
    numberOfTimeSlots: values[placeAt + 13],
    numberOfSlices: values[placeAt + 14],
    numberOfTimeSlices: values[placeAt + 15],
    cutShort: values[placeAt + 16],
  } satisfies Record<keyof InstancePlace, unknown> as InstancePlace;
}
