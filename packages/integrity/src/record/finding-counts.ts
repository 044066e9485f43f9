/** What can be inconsistent in what came; closed, so that it can label a metric. */
export const FINDINGS = [
  'content-differs',
  'instance-uid-mismatch',
  'class-uid-mismatch',
  'two-patients',
  'series-in-two-studies',
  'modality-changes',
  'frame-of-reference-changes',
  'uid-missing',
  'uid-malformed',
  'private-transfer-syntax',
  'data-set-cut-short',
  'duplicate-send',
] as const;
export type FindingKind = (typeof FINDINGS)[number];

/** By kind. */
export type FindingCounts = Readonly<Partial<Record<FindingKind, number>>>;
