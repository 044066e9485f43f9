/** An instance that a document names. */
export interface InstanceReference {
  readonly uid: string;
  readonly sopClassUid?: string | undefined;
}

export interface NamedSeries {
  /** Undefined where the document names none (storage commitment). */
  readonly uid: string | undefined;
  readonly instances: readonly InstanceReference[];
}

/** What one document of a modality, or one retrieve, says of one study. Replaced as a whole by a later version. */
export type StudyDocument = PerformedProcedureStep | CommitmentRequest | Retrieve;

interface Common {
  /** Kind and UID. */
  readonly id: string;
  /** When it was last changed. Milliseconds since the epoch. */
  readonly at: number;
  /** Instances that it names and that belong to other studies. */
  readonly ofOthers: number;
  /** Instances that it names and that had been seen when it was laid to this study: the more, the better that is known. */
  readonly seen: number;
}

/** PS3.4 F.7. */
export interface PerformedProcedureStep extends Common {
  readonly kind: 'mpps';
  readonly status: 'IN PROGRESS' | 'COMPLETED' | 'DISCONTINUED';
  readonly series: readonly NamedSeries[];
}

/** PS3.4 J.3.2: what is to be kept safe. */
export interface CommitmentRequest extends Common {
  readonly kind: 'commitment';
  readonly instances: readonly InstanceReference[];
}

/** A C-MOVE or C-GET, over (PS3.4 C.4.2, C.4.3). */
export interface Retrieve extends Common {
  readonly kind: 'retrieve';
  readonly completed: number;
  readonly warning: number;
  readonly failed: number;
  readonly remaining: number;
  readonly failedUids: readonly string[];
}

/** The later one, or the better known; of two that are alike always the same one. */
export function laterDocument<Document extends { readonly at: number; readonly seen?: number }>(
  one: Document | undefined,
  other: Document,
): Document {
  if (one === undefined || other.at > one.at) return other;
  if (other.at < one.at) return one;
  if (other.seen !== one.seen) return (other.seen ?? 0) > (one.seen ?? 0) ? other : one;
  return JSON.stringify(other) > JSON.stringify(one) ? other : one;
}
