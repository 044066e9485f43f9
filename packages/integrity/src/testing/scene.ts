/** Studies for tests, told as the relay and the forwarder would tell them. */
import type { InstancePlace } from '@radiotracer/instance';
import type { DeliveryAttempted, OperationEnded, OperationName } from '@radiotracer/telemetry';
import type { DataSetReader, PlainDataSet } from '../data-set/plain-data-set.ts';
import { Tag } from '../data-set/plain-data-set.ts';
import { mppsSopClass, storageCommitmentSopClass } from '../observe.ts';

export const start = 1_800_000_000_000;

export interface Sent extends Partial<Omit<InstancePlace, 'patientKey'>> {
  readonly uid: string;
  readonly study?: string;
  readonly series?: string;
  readonly modality?: string;
  readonly patientId?: string;
  readonly sopClassUid?: string;
  readonly dataSetUid?: string | undefined;
  readonly dataSetClassUid?: string;
  readonly transferSyntaxUid?: string;
  readonly bytes?: number;
  readonly checksum?: string;
  /** Milliseconds after the start. */
  readonly after?: number;
  readonly destination?: string;
  readonly association?: string;
  readonly status?: number;
  readonly spooled?: boolean;
  /** The association ended within it. */
  readonly cut?: boolean;
}

let messages = 0;

/** A C-STORE that was answered. Every call is another sending. */
export function sent(of: Sent): OperationEnded {
  messages += 1;
  const at = start + (of.after ?? 0);
  const { uid, study = '1.2.1', series = '1.2.1.1', modality = 'CT', patientId = 'P1', status = 0, bytes = 1000 } = of;
  const sopClassUid = of.sopClassUid ?? '1.2.840.10008.5.1.4.1.1.2';
  const none = undefined;
  const place: InstancePlace = {
    patientKey: (keyed) => keyed(Buffer.from(patientId)),
    accessionNumber: of.accessionNumber ?? 'A1',
    ...{ cardiacNumberOfImages: none, acquisitionNumber: none, instanceNumber: none, frameOfReferenceUid: none },
    ...{ numberOfTemporalPositions: none, imagesInAcquisition: none, numberOfStudyRelatedInstances: none },
    ...{ numberOfSeriesRelatedInstances: none, concatenationUid: none, inConcatenationTotalNumber: none },
    ...{ numberOfRRIntervals: none, numberOfTimeSlots: none, numberOfSlices: none, numberOfTimeSlices: none, cutShort: false },
    ...Object.fromEntries(Object.entries(of).filter(([name]) => placeNames.has(name))),
  };
  return {
    ...base('C-STORE', of.association ?? 'a1', at),
    destinationId: of.destination ?? 'pacs',
    sopClassUid,
    sopInstanceUid: uid,
    transferSyntaxUid: of.transferSyntaxUid ?? '1.2.840.10008.1.2.1',
    requestEndAt: of.cut === true ? undefined : at + 5,
    responseOutAt: of.cut === true ? undefined : at + 10,
    responseInAt: of.cut === true || of.spooled === true ? undefined : at + 9,
    status: of.cut === true ? undefined : status,
    statusClass: of.cut === true ? undefined : status === 0 ? 'success' : 'failure',
    disposition: of.spooled === true ? 'spooled' : 'relayed',
    ...(of.spooled === true ? { spooledAt: at + 9 } : {}),
    dataSetBytes: bytes,
    dataSetChecksum: of.checksum,
    head: {
      sopClassUid: of.dataSetClassUid ?? sopClassUid,
      sopInstanceUid: 'dataSetUid' in of ? of.dataSetUid : uid,
      studyInstanceUid: study,
      seriesInstanceUid: series,
      modality,
      numberOfFrames: undefined,
      place,
    },
  };
}

const placeNames = new Set([
  ...[
    'accessionNumber',
    'cardiacNumberOfImages',
    'acquisitionNumber',
    'instanceNumber',
    'frameOfReferenceUid',
    'numberOfTemporalPositions',
  ],
  ...['imagesInAcquisition', 'numberOfStudyRelatedInstances', 'numberOfSeriesRelatedInstances', 'concatenationUid', 'cutShort'],
  ...['inConcatenationTotalNumber', 'numberOfRRIntervals', 'numberOfTimeSlots', 'numberOfSlices', 'numberOfTimeSlices'],
]);

function base(operation: OperationName, association: string, at: number): OperationEnded {
  return {
    type: 'operation.ended',
    serverAssociationId: association,
    clientAssociationId: 'c1',
    invokedBy: 'requestor',
    operation,
    messageId: messages,
    destinationId: 'pacs',
    callingAeTitle: 'SCANNER',
    calledAeTitle: 'PROXY',
    sopClassUid: undefined,
    sopInstanceUid: undefined,
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    requestInAt: at,
    commandInAt: at,
    requestOutAt: at,
    requestEndAt: at,
    responseInAt: at,
    responseOutAt: at,
    endedAt: at + 10,
    status: 0,
    statusClass: 'success',
    errorType: undefined,
    ours: false,
    disposition: 'relayed',
    dataSetBytes: 100,
    pendingResponses: 0,
    head: undefined,
  };
}

/** A run of instances, numbered from `first`. */
export function slices(count: number, of: Partial<Sent> = {}, first = 1): Sent[] {
  const series = of.series ?? '1.2.1.1';
  return Array.from({ length: count }, (_, index) => ({
    uid: `${series}.${first + index}`,
    instanceNumber: first + index,
    after: index * 20,
    ...of,
  }));
}

/** The spooled one arrived. */
export function delivered(of: Sent, after: number): DeliveryAttempted {
  const { uid, study = '1.2.1', series = '1.2.1.1', modality = 'CT', destination = 'pacs' } = of;
  return {
    type: 'delivery.attempted',
    instanceId: `spool-${uid}`,
    routeId: 'r',
    destinationId: destination,
    callingAeTitle: 'SCANNER',
    calledAeTitle: 'PACS',
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    sopInstanceUid: uid,
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    studyInstanceUid: study,
    seriesInstanceUid: series,
    modality,
    dataSetBytes: 1000,
    receivedAt: start + (of.after ?? 0),
    traceparent: undefined,
    attempt: 1,
    startedAt: start + after,
    requestEndAt: start + after,
    endedAt: start + after,
    status: 0,
    statusClass: 'success',
    outcome: 'delivered',
    errorType: undefined,
    possibleDuplicate: false,
    nextDueAt: undefined,
  };
}

/** Data sets are JSON here: what reads them is not under test. */
export const jsonReader: DataSetReader = {
  read: async (bytes) => JSON.parse(Buffer.from(bytes).toString()) as PlainDataSet,
  close: async () => {},
};

const bytesOf = (dataSet: PlainDataSet) => Buffer.from(JSON.stringify(dataSet));

function references(instances: readonly { readonly uid: string; readonly sopClassUid?: string }[]): PlainDataSet[] {
  return instances.map(({ uid, sopClassUid = '1.2.840.10008.5.1.4.1.1.2' }) => ({
    [Tag.referencedSopClassUid]: [sopClassUid],
    [Tag.referencedSopInstanceUid]: [uid],
  }));
}

export interface Step {
  readonly uid?: string;
  readonly studies?: readonly string[];
  readonly status?: 'IN PROGRESS' | 'COMPLETED' | 'DISCONTINUED';
  /** By series UID. */
  readonly series?: Readonly<Record<string, readonly { readonly uid: string; readonly sopClassUid?: string }[]>>;
  readonly after?: number;
}

export function stepCreated({ uid = '9.1', studies = ['1.2.1'], after = 0 }: Step): OperationEnded {
  const dataSet = {
    [Tag.scheduledStepAttributesSequence]: studies.map((study) => ({ [Tag.studyInstanceUid]: [study] })),
    [Tag.performedProcedureStepStatus]: ['IN PROGRESS'],
    [Tag.performedSeriesSequence]: [],
  };
  const event = { ...base('N-CREATE', 'm1', start + after), sopClassUid: mppsSopClass, sopInstanceUid: uid };
  return { ...event, dataSet: bytesOf(dataSet) };
}

export function stepSet({ uid = '9.1', status = 'COMPLETED', series = {}, after = 1000 }: Step): OperationEnded {
  const dataSet = {
    [Tag.performedProcedureStepStatus]: [status],
    [Tag.performedSeriesSequence]: Object.entries(series).map(([seriesUid, instances]) => ({
      [Tag.seriesInstanceUid]: [seriesUid],
      [Tag.referencedImageSequence]: references(instances),
    })),
  };
  const event = { ...base('N-SET', 'm1', start + after), sopClassUid: mppsSopClass, sopInstanceUid: uid };
  return { ...event, dataSet: bytesOf(dataSet) };
}

export function commitAsked(uid: string, instances: readonly { readonly uid: string }[], after = 2000): OperationEnded {
  const dataSet = { [Tag.transactionUid]: [uid], [Tag.referencedSopSequence]: references(instances) };
  return { ...base('N-ACTION', 'm2', start + after), sopClassUid: storageCommitmentSopClass, dataSet: bytesOf(dataSet) };
}

export function commitAnswered(
  uid: string,
  kept: readonly { readonly uid: string }[],
  failed: readonly { readonly uid: string }[],
  after = 3000,
) {
  const dataSet = {
    [Tag.transactionUid]: [uid],
    [Tag.referencedSopSequence]: references(kept),
    [Tag.failedSopSequence]: failed.map((reference) => ({ [Tag.referencedSopInstanceUid]: [reference.uid], [Tag.failureReason]: ['274'] })),
  };
  const event = { ...base('N-EVENT-REPORT', 'm3', start + after), callingAeTitle: 'MAINPACS', destinationId: 'scanner' };
  return { ...event, sopClassUid: storageCommitmentSopClass, dataSet: bytesOf(dataSet) } as const;
}

export function moved(
  study: string,
  counts: { completed: number; failed: number },
  failedUids: readonly string[],
  after = 500,
): OperationEnded {
  return {
    ...base('C-MOVE', 'w1', start + after),
    dataSet: bytesOf({ [Tag.studyInstanceUid]: [study] }),
    responseDataSet: bytesOf({ [Tag.failedSopInstanceUidList]: [...failedUids] }),
    suboperations: { ...counts, warning: 0, remaining: 0 },
  };
}
