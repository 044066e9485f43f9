import type { OperationEnded, OperationName } from '@radiotracer/telemetry';
import { mayName } from '../health/worklist-item.ts';
import { isDocument, keptUid, mppsSopClass, storageCommitmentSopClass } from '../observe.ts';
import { type CommitmentReport, type DocumentFacts, type FailedReference, maxReferences } from '../record/document-record.ts';
import type { InstanceReference } from '../record/study-document.ts';
import { type DataSetReader, items, type PlainDataSet, Tag, texts } from './plain-data-set.ts';

/** The services whose data sets say what is to come. */
export const documentOperations: ReadonlySet<OperationName> = new Set([
  'N-CREATE',
  'N-SET',
  'N-ACTION',
  'N-EVENT-REPORT',
  'C-MOVE',
  'C-GET',
  // For what was asked of the worklist.
  'C-FIND',
]);

/** A longer one is not read: 5,000 instances fit in it. */
export const maxDataSetBytes = 1024 * 1024;

/** Whether anybody here reads the data set of this operation. */
export function isRead(event: OperationEnded): boolean {
  return isDocument(event) || mayName(event);
}

const statuses = ['IN PROGRESS', 'COMPLETED', 'DISCONTINUED'] as const;

/** What a small data set says; undefined: it is none of those, or cannot be read. */
export async function readDocument(event: OperationEnded, reader: DataSetReader): Promise<DocumentFacts | undefined> {
  const { dataSet: bytes, responseDataSet, sopClassUid, transferSyntaxUid = '' } = event;
  if (bytes === undefined || !isDocument(event)) return undefined;
  const dataSet = await reader.read(bytes, transferSyntaxUid);
  if (dataSet === undefined) return undefined;
  if (sopClassUid === mppsSopClass) return performedProcedureStep(event, dataSet);
  if (sopClassUid === storageCommitmentSopClass) return commitment(event, dataSet);
  const answer = responseDataSet === undefined ? undefined : await reader.read(responseDataSet, transferSyntaxUid);
  return retrieve(event, dataSet, answer ?? {});
}

/** PS3.4 F.7.2: N-CREATE names the studies, N-SET the images; what it sets it sets as a whole. */
function performedProcedureStep(event: OperationEnded, dataSet: PlainDataSet): DocumentFacts | undefined {
  const uid = keptUid(event.sopInstanceUid);
  if (uid === undefined) return undefined;
  const at = event.requestInAt;
  const status = statuses.find((known) => texts(dataSet, Tag.performedProcedureStepStatus)[0] === known);
  const scheduled = items(dataSet, Tag.scheduledStepAttributesSequence);
  const performed = dataSet[Tag.performedSeriesSequence] === undefined ? undefined : items(dataSet, Tag.performedSeriesSequence);
  let left = maxReferences;
  const series = performed?.map((item) => {
    const instances = [...references(item, Tag.referencedImageSequence), ...references(item, Tag.referencedNonImageSequence)].slice(
      0,
      left,
    );
    left -= instances.length;
    return { uid: keptUid(texts(item, Tag.seriesInstanceUid)[0]), instances };
  });
  return {
    ...common(event, `mpps:${uid}`),
    studyUids: scheduled.flatMap((item) => keptUid(texts(item, Tag.studyInstanceUid)[0]) ?? []),
    ...(status === undefined ? {} : { status: { at, value: status } }),
    ...(series === undefined ? {} : { series: { at, value: series } }),
  };
}

/** PS3.4 J.3.2, J.3.3: one Transaction UID for the request and its answer, which may come on another association. */
function commitment(event: OperationEnded, dataSet: PlainDataSet): DocumentFacts | undefined {
  const uid = keptUid(texts(dataSet, Tag.transactionUid)[0]);
  if (uid === undefined) return undefined;
  const at = event.requestInAt;
  const id = commitmentId(uid);
  if (event.operation === 'N-ACTION') {
    const value = references(dataSet, Tag.referencedSopSequence).slice(0, maxReferences);
    return { ...common(event, id), studyUids: [], requested: { at, value } };
  }
  const answered = { studyUids: [], answered: { at, value: commitmentReport(dataSet) } };
  if (event.invokedBy === 'acceptor') return { ...common(event, id), ...answered };
  // On an association that the destination opened: the request tells who asked whom.
  return { id, firstAt: at, lastAt: at, ...answered };
}

/** Of a storage commitment, by its Transaction UID. */
export function commitmentId(transactionUid: string): string {
  return `commitment:${transactionUid}`;
}

/** PS3.4 table J.3-2. */
export function commitmentReport(dataSet: PlainDataSet): CommitmentReport {
  const named = references(dataSet, Tag.referencedSopSequence).slice(0, maxReferences);
  const failed = items(dataSet, Tag.failedSopSequence).flatMap((item): FailedReference[] => {
    const instance = keptUid(texts(item, Tag.referencedSopInstanceUid)[0]);
    return instance === undefined ? [] : [{ uid: instance, reason: Number(texts(item, Tag.failureReason)[0] ?? 0) }];
  });
  return { kept: named.map((reference) => reference.uid), failed: failed.slice(0, maxReferences) };
}

function retrieve(event: OperationEnded, dataSet: PlainDataSet, answer: PlainDataSet): DocumentFacts | undefined {
  const { completed = 0, warning = 0, failed = 0, remaining = 0 } = event.suboperations ?? {};
  const studyUids = texts(dataSet, Tag.studyInstanceUid).flatMap((uid) => keptUid(uid) ?? []);
  if (studyUids.length !== 1) return undefined;
  const failedUids = texts(answer, Tag.failedSopInstanceUidList).flatMap((uid) => keptUid(uid) ?? []);
  const value = { completed, warning, failed, remaining, failedUids: failedUids.slice(0, maxReferences) };
  // Message ids are used again: an association, its message and its time are one retrieve.
  const id = `retrieve:${event.serverAssociationId}:${event.messageId}:${event.requestInAt}`;
  return { ...common(event, id), studyUids, retrieve: { at: event.requestInAt, value } };
}

function common(event: OperationEnded, id: string): DocumentFacts {
  const { callingAeTitle, destinationId, requestInAt } = event;
  return {
    id,
    studyUids: [],
    callingAeTitle,
    ...(destinationId === undefined ? {} : { destinationId }),
    firstAt: requestInAt,
    lastAt: requestInAt,
  };
}

function references(dataSet: PlainDataSet, tag: string): readonly InstanceReference[] {
  return items(dataSet, tag).flatMap((item) => {
    const uid = keptUid(texts(item, Tag.referencedSopInstanceUid)[0]);
    const sopClassUid = keptUid(texts(item, Tag.referencedSopClassUid)[0]);
    return uid === undefined ? [] : [{ uid, ...(sopClassUid === undefined ? {} : { sopClassUid }) }];
  });
}
