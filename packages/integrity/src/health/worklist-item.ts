/**
 * A worklist item that a modality took up: it named its accession number in an MPPS N-CREATE (PS3.4 F.7.2.1), or asked the worklist for that
 * one alone. One that was merely in a list is none: a modality asks for the whole day.
 */
import type { OperationEnded } from '@radiotracer/telemetry';
import { items, type PlainDataSet, Tag, texts } from '../data-set/plain-data-set.ts';
import { keptUid, mppsSopClass } from '../observe.ts';
import { worklistSopClass } from './modality-log.ts';
import { keptTitle } from './modality-record.ts';

export interface WorklistItem {
  readonly aeTitle: string;
  /** An indirect identifier: for the operator, never in telemetry. */
  readonly accessionNumber: string;
  readonly askedAt: number;
  /** Any of these follows it. */
  readonly studyUids: readonly string[];
  /** The id of its document in the ledger. */
  readonly documentId?: string;
}

/** SH has 16 characters (PS3.5 6.2); some send more. */
const maxAccession = 64;
const maxItems = 16;

/** Whether this event's data set may name one. */
export function mayName({ operation, sopClassUid, statusClass, dataSet, pendingResponses, invokedBy }: OperationEnded): boolean {
  if (dataSet === undefined || statusClass !== 'success' || invokedBy !== 'requestor') return false;
  if (operation === 'N-CREATE') return sopClassUid === mppsSopClass;
  return operation === 'C-FIND' && sopClassUid === worklistSopClass && pendingResponses === 1;
}

export function itemsIn(event: OperationEnded, dataSet: PlainDataSet): readonly WorklistItem[] {
  const { operation, requestInAt: askedAt } = event;
  const aeTitle = keptTitle(event.callingAeTitle);
  if (operation === 'C-FIND') {
    const [number] = numbersIn(dataSet);
    return number === undefined || /[*?\\]/.test(number) ? [] : [{ aeTitle, accessionNumber: number, askedAt, studyUids: [] }];
  }
  const uid = keptUid(event.sopInstanceUid);
  const scheduled = items(dataSet, Tag.scheduledStepAttributesSequence).slice(0, maxItems);
  // Several may be done as one: the study of any of them is theirs.
  const studyUids = scheduled.flatMap((item) => texts(item, Tag.studyInstanceUid).flatMap((study) => keptUid(study) ?? []));
  const common = { aeTitle, askedAt, studyUids: [...new Set(studyUids)], ...(uid === undefined ? {} : { documentId: `mpps:${uid}` }) };
  return [...new Set(scheduled.flatMap(numbersIn))].map((accessionNumber) => ({ ...common, accessionNumber }));
}

/** As it is kept and compared. */
function keptAccession(text: string): string {
  return text.trim().slice(0, maxAccession).replace(/\p{C}/gu, '_');
}

function numbersIn(dataSet: PlainDataSet): readonly string[] {
  return texts(dataSet, Tag.accessionNumber)
    .map(keptAccession)
    .filter((number) => number !== '');
}
