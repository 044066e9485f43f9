import type { DocumentFacts } from '../record/document-record.ts';
import type { InstanceRecord } from '../record/instance-record.ts';
import type { SeriesRecord } from '../record/series-record.ts';
import type { StudyDocument } from '../record/study-document.ts';
import type { StudyFacts } from '../record/study-record.ts';

/** Something that was seen of one study. Written down twice it changes nothing. */
export interface StudyChange {
  readonly studyUid: string;
  readonly facts: StudyFacts;
  readonly series?: SeriesRecord | undefined;
  readonly instances: readonly InstanceRecord[];
  readonly document?: StudyDocument | undefined;
}

/** Something that was seen of one document. */
export interface DocumentChange {
  readonly document: DocumentFacts;
}

export type LedgerChange = StudyChange | DocumentChange;
