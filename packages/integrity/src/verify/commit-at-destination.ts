import type { InstanceReference } from '../record/study-document.ts';

/** What a destination is asked to keep safe, and what it answers (PS3.4 J). Never rejects. */
export interface CommitAtDestination {
  /** `heard`: resolves when its report has come some other way, and need not be waited for here. */
  ask(destinationId: string, request: CommitmentAsked, heard: Promise<void>): Promise<CommitAnswer>;
}

export interface CommitmentAsked {
  readonly transactionUid: string;
  /** Each with its SOP class. */
  readonly instances: readonly InstanceReference[];
}

/** The event information of an N-EVENT-REPORT, as it came. */
export interface ReportDataSet {
  readonly bytes: Uint8Array;
  readonly transferSyntaxUid: string;
}

export type CommitAnswer =
  /** It took the request. `report`: came on the same association; undefined: it is to come later, on one that the destination opens. */
  | { readonly kind: 'asked'; readonly report: ReportDataSet | undefined }
  /** It did not take this one. */
  | { readonly kind: 'refused' }
  /** It answers, but does not do this. */
  | { readonly kind: 'unsupported' }
  /** It does not answer. */
  | { readonly kind: 'unreachable' };
