/** From what the stages publish to what the ledger keeps. Pure, but for the key of patients. */
import { type DeliveryAttempted, hasArrived, type OperationEnded, strippedUid, type TelemetryEvent } from '@radiotracer/telemetry';
import type { LedgerChange, StudyChange } from './ledger/change.ts';
import { contentText, emptyInstance, type InstanceAtDestination, InstanceFlag } from './record/instance-record.ts';
import { emptySeries, type SeriesRecord } from './record/series-record.ts';
import { noFacts, type StudyFacts } from './record/study-record.ts';

export interface ObserveOptions {
  /** Of this process; the same after a restart. */
  readonly node: string;
  /** A keyed hash of a Patient ID. */
  readonly patientKey: (patientId: Uint8Array) => string;
}

/** An instance in the spool, as far as the ledger wants to know. */
export type SpooledInstance = Pick<
  DeliveryAttempted,
  'instanceId' | 'destinationId' | 'sopInstanceUid' | 'sopClassUid' | 'studyInstanceUid' | 'seriesInstanceUid' | 'modality' | 'receivedAt'
>;

/** SOP classes whose data sets say what is to come. */
export const mppsSopClass = '1.2.840.10008.3.1.2.3.3';
export const storageCommitmentSopClass = '1.2.840.10008.1.20.1';

/** Longest UID that is kept of what peers send; PS3.5 9.1 allows 64. */
const maxUidCharacters = 128;
const uidShape = /^[0-9]+(\.[0-9]+)*$/;
const standardRoot = '1.2.840.10008.';

/** Whether the ledger wants this event at all: for its studies, or for the modalities. */
export function isOfInterest(event: TelemetryEvent): boolean {
  switch (event.type) {
    case 'association.opened':
      return event.role === 'server';
    case 'association.ended':
      return true;
    case 'operation.ended':
      return event.invokedBy === 'requestor' || isOfStudies(event);
    default:
      return isOfStudies(event);
  }
}

/** Whether something is missing of some study when this event is lost. */
export function isOfStudies(event: TelemetryEvent): boolean {
  switch (event.type) {
    case 'operation.ended':
      return (event.operation === 'C-STORE' && event.invokedBy === 'requestor') || isDocument(event);
    case 'delivery.attempted':
      return hasArrived(event);
    case 'delivery.dead_lettered':
      return true;
    default:
      return false;
  }
}

/** Whether its data set says what is to come, or what is kept. */
export function isDocument({ operation, sopClassUid, dataSet }: OperationEnded): boolean {
  if (dataSet === undefined) return false;
  if (operation === 'N-CREATE' || operation === 'N-SET') return sopClassUid === mppsSopClass;
  if (operation === 'N-ACTION' || operation === 'N-EVENT-REPORT') return sopClassUid === storageCommitmentSopClass;
  return operation === 'C-MOVE' || operation === 'C-GET';
}

/** Of a C-STORE or a delivery; others are read by `readDocument`. Undefined: it says nothing to the ledger. */
export function observe(event: TelemetryEvent, options: ObserveOptions): LedgerChange | undefined {
  switch (event.type) {
    case 'operation.ended':
      return event.operation === 'C-STORE' && event.invokedBy === 'requestor' ? stored(event, options) : undefined;
    case 'delivery.attempted':
      return hasArrived(event) ? ofSpooled(event, { forwardedAt: event.endedAt }, [options.node]) : undefined;
    case 'delivery.dead_lettered':
      return ofSpooled(event, { deadAt: event.at }, [options.node]);
    default:
      return undefined;
  }
}

/** A UID as it is kept: without padding, printable, not longer than that. Undefined where nothing is left. */
export function keptUid(uid: string | undefined): string | undefined {
  return strippedUid(uid)
    ?.slice(0, maxUidCharacters)
    .replace(/[^\x21-\x7e]/g, '_');
}

/** The study that an event is about, as far as it says; for what is known of events that were lost. */
export function studyOf(event: TelemetryEvent): string | undefined {
  if (event.type === 'operation.ended') return event.operation === 'C-STORE' ? (keptUid(event.head?.studyInstanceUid) ?? '') : undefined;
  return event.type === 'delivery.attempted' || event.type === 'delivery.dead_lettered'
    ? (keptUid(event.studyInstanceUid) ?? '')
    : undefined;
}

function stored(event: OperationEnded, { node, patientKey }: ObserveOptions): StudyChange | undefined {
  // Cut off on its way: nobody has it, and nobody was told so.
  if (event.requestEndAt === undefined) return undefined;
  const { head } = event;
  const place = head?.place;
  const commandUid = keptUid(event.sopInstanceUid);
  const dataSetUid = keptUid(head?.sopInstanceUid);
  const send = hashText(`${event.serverAssociationId} ${event.messageId} ${event.requestInAt}`);
  const uid = commandUid ?? dataSetUid ?? `none-${send}`;
  const seriesUid = keptUid(head?.seriesInstanceUid);
  const studyUid = keptUid(head?.studyInstanceUid) ?? '';
  const sopClassUid = keptUid(event.sopClassUid) ?? keptUid(head?.sopClassUid);
  const transferSyntaxUid = keptUid(event.transferSyntaxUid) ?? '-';
  const destinationId = event.destinationId ?? '-';
  const isSuccess = event.statusClass === 'success' || event.statusClass === 'warning';
  const isAcknowledged = isSuccess && event.responseOutAt !== undefined;
  const isSpooled = event.disposition === 'spooled';
  const at: InstanceAtDestination = {
    ...(isAcknowledged && event.responseOutAt !== undefined ? { acknowledgedAt: event.responseOutAt } : {}),
    ...(isSpooled && event.spooledAt !== undefined ? { spooledAt: event.spooledAt } : {}),
    ...(isSuccess && !isSpooled && event.responseInAt !== undefined ? { forwardedAt: event.responseInAt } : {}),
  };
  const modality = head?.modality?.slice(0, 16) || undefined;
  const acquisition = place?.acquisitionNumber;
  const total = place?.inConcatenationTotalNumber;
  const instance = {
    ...emptyInstance(uid),
    ...(dataSetUid === undefined || dataSetUid === uid ? {} : { dataSetUid }),
    ...optional({ seriesUid, sopClassUid, modality, number: place?.instanceNumber, acquisition }),
    ...(place?.concatenationUid === undefined ? {} : { concatenation: `${keptUid(place.concatenationUid)}${total ? ` ${total}` : ''}` }),
    receivedAt: event.requestInAt,
    contents: [contentText({ transferSyntaxUid, bytes: event.dataSetBytes, checksum: event.dataSetChecksum, destinationId })],
    sends: isAcknowledged ? [`${destinationId} ${send}`] : [],
    flags:
      flag(InstanceFlag.instanceUidDiffers, commandUid !== undefined && dataSetUid !== undefined && commandUid !== dataSetUid) |
      flag(InstanceFlag.classUidDiffers, differ(keptUid(event.sopClassUid), keptUid(head?.sopClassUid))) |
      flag(InstanceFlag.uidMissing, dataSetUid === undefined || commandUid === undefined || studyUid === '' || seriesUid === undefined) |
      flag(InstanceFlag.uidMalformed, [commandUid, dataSetUid, studyUid || undefined, seriesUid].some(isMalformed)) |
      flag(InstanceFlag.privateTransferSyntax, !transferSyntaxUid.startsWith(standardRoot)) |
      flag(InstanceFlag.cutShort, place?.cutShort === true),
    at: { [destinationId]: at },
  };
  const patient = place?.patientKey(patientKey);
  const facts: StudyFacts = {
    ...noFacts,
    callingAeTitles: [event.callingAeTitle],
    patientKeys: patient === undefined ? [] : [patient],
    accessionNumbers: place?.accessionNumber === undefined ? [] : [place.accessionNumber.slice(0, 64)],
    modalities: modality === undefined ? [] : [modality],
    studyRelated: place?.numberOfStudyRelatedInstances === undefined ? [] : [place.numberOfStudyRelatedInstances],
    nodes: [node],
    firstAt: event.requestInAt,
    lastAt: event.endedAt,
  };
  return { studyUid, facts, series: seriesUid === undefined ? undefined : seriesOf(seriesUid, modality, event), instances: [instance] };
}

function seriesOf(uid: string, modality: string | undefined, { head }: OperationEnded): SeriesRecord {
  const place = head?.place;
  const images = place?.imagesInAcquisition;
  const frame = keptUid(place?.frameOfReferenceUid);
  return {
    ...emptySeries(uid),
    modalities: modality === undefined ? [] : [modality],
    framesOfReference: frame === undefined ? [] : [frame],
    seriesRelated: numbers(place?.numberOfSeriesRelatedInstances),
    cardiacImages: numbers(place?.cardiacNumberOfImages),
    petImages: numbers(petImages(head)),
    acquisitions: images === undefined ? [] : [`${place?.acquisitionNumber ?? '-'} ${images} ${place?.numberOfTemporalPositions ?? '-'}`],
  };
}

/** PS3.3 C.8.9.1: slices, and how often each: in time slices (dynamic), or in time slots of R-R intervals (gated). */
function petImages(head: OperationEnded['head']): number | undefined {
  const { numberOfSlices, numberOfTimeSlices, numberOfRRIntervals, numberOfTimeSlots } = head?.place ?? {};
  if (numberOfSlices === undefined || numberOfSlices === 0 || head?.modality !== 'PT') return undefined;
  if (numberOfTimeSlots !== undefined && numberOfTimeSlots > 0)
    return numberOfSlices * numberOfTimeSlots * Math.max(1, numberOfRRIntervals ?? 1);
  return numberOfSlices * Math.max(1, numberOfTimeSlices ?? 1);
}

/** A person removed it from the queue; no event tells of it. */
export function removed(instance: SpooledInstance, removedAt: number): StudyChange {
  return ofSpooled(instance, { removedAt }, []);
}

/** A spooled instance was delivered, given up, or removed. It was acknowledged, whether that was seen here or not. */
function ofSpooled(spooled: SpooledInstance, at: InstanceAtDestination, nodes: readonly string[]): StudyChange {
  const uid = keptUid(spooled.sopInstanceUid) ?? `none-${hashText(spooled.instanceId)}`;
  const instance = {
    ...emptyInstance(uid),
    ...optional({
      seriesUid: keptUid(spooled.seriesInstanceUid),
      sopClassUid: keptUid(spooled.sopClassUid),
      modality: spooled.modality?.slice(0, 16) || undefined,
    }),
    at: { [spooled.destinationId]: { acknowledgedAt: spooled.receivedAt, spooledAt: spooled.receivedAt, ...at } },
  };
  return { studyUid: keptUid(spooled.studyInstanceUid) ?? '', facts: { ...noFacts, nodes }, instances: [instance] };
}

/** PS3.5 9.1. */
export function isWellFormed(uid: string): boolean {
  return uid.length <= 64 && uidShape.test(uid);
}

function isMalformed(uid: string | undefined): boolean {
  return uid !== undefined && !isWellFormed(uid);
}

function differ(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}

function flag(bit: number, isSet: boolean): number {
  return isSet ? bit : 0;
}

function numbers(value: number | undefined): readonly number[] {
  return value === undefined ? [] : [value];
}

function optional<Values extends Record<string, unknown>>(values: Values): { [Name in keyof Values]?: NonNullable<Values[Name]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Values]?: NonNullable<Values[Name]>;
  };
}

/** 53 bits of a text (cyrb53): tells operations of one instance apart, nothing more. */
export function hashText(text: string): string {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return (4294967296 * (2097151 & low) + (high >>> 0)).toString(36);
}
