export const STUDY_STATES = ['open', 'complete', 'short', 'excess', 'discontinued', 'quiet'] as const;
export type StudyState = (typeof STUDY_STATES)[number];

/** Who says how much was to come; the table in INTEGRITY is in this order. */
export type SourceName =
  | 'mpps'
  | 'storage-commitment'
  | 'concatenation'
  | 'pet'
  | 'cardiac-images'
  | 'images-in-acquisition'
  | 'series-related-instances'
  | 'study-related-instances'
  | 'instance-numbers'
  | 'retrieve'
  | 'quiet-time';

export const CONFIDENCES = ['low', 'medium-low', 'medium', 'medium-high', 'high'] as const;
export type Confidence = (typeof CONFIDENCES)[number];

/** Something that a person may want to know, and that decides nothing. */
export interface SourceNote {
  readonly kind:
    | 'low-confidence-short'
    | 'self-refuted'
    | 'overruled'
    | 'mpps-in-progress'
    | 'mpps-empty'
    | 'of-other-studies'
    | 'not-for-storage'
    | 'discontinued-missing'
    | 'retrieve-incomplete'
    | 'ledger-incomplete';
  readonly source: SourceName;
  readonly seriesUid?: string | undefined;
  readonly expected?: number;
  readonly received?: number;
}

/** What one scope was found to be, and by whom. */
export interface Evidence {
  readonly source: SourceName;
  /** A second one that agrees. */
  readonly agreeing?: SourceName;
  readonly confidence: Confidence;
  readonly seriesUid?: string | undefined;
  readonly result: 'complete' | 'short' | 'excess';
  readonly expected: number;
  readonly received: number;
}

/** Did everything come that was to come? */
export interface Verdict {
  readonly state: Exclude<StudyState, 'open'>;
  /** Whoever decided it. */
  readonly source: SourceName;
  readonly confidence: Confidence;
  /** Of the scopes that decided it, together; undefined: nobody can say. */
  readonly expected?: number;
  /** Instances that came, of the whole study. */
  readonly received: number;
  readonly missing: {
    readonly count: number;
    /** At most 100; fewer than `count` where the source cannot name them. */
    readonly uids: readonly string[];
    /** Instance Numbers, at most 100. */
    readonly numbers: readonly number[];
  };
  readonly unexpected: { readonly count: number; readonly uids: readonly string[] };
  readonly evidence: readonly Evidence[];
  readonly notes: readonly SourceNote[];
}
