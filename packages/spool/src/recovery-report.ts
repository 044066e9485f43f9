export type FindingKind =
  /** A part that a run before this one did not finish; moved aside. Nobody was told that it is safe. */
  | 'unfinished'
  /** Too short, too long, or its front is not as it was written; moved aside. */
  | 'damaged'
  /** The same instance in two states; one stays, the other was moved aside. */
  | 'duplicate'
  /** In a folder that is not its own; put where it belongs. */
  | 'misplaced'
  /** Not ours; left where it is. */
  | 'unknown-file'
  /** The system would not read or sync it; left where it is, and looked at again at the next start. */
  | 'unreadable'
  /** A part that could not be deleted; the next start moves it aside. */
  | 'leftover';

/** One thing that is not as the spool left it. */
export interface Finding {
  readonly kind: FindingKind;
  /** Where it was found. */
  readonly path: string;
  readonly why: string;
  /** Where it is now, if it was moved. */
  readonly movedTo?: string;
}

export interface RecoveryReport {
  /** The first thousand. */
  readonly findings: readonly Finding[];
  /** Of all. */
  readonly findingCounts: Readonly<Partial<Record<FindingKind, number>>>;
}

const maxFindings = 1000;

/** Collects findings; the list is bounded, the counts are not. */
export class Findings {
  readonly list: Finding[] = [];
  readonly counts: Partial<Record<FindingKind, number>> = {};
  readonly #tell: (finding: Finding) => void;

  constructor(tell: (finding: Finding) => void) {
    this.#tell = tell;
  }

  add(finding: Finding): void {
    this.counts[finding.kind] = (this.counts[finding.kind] ?? 0) + 1;
    if (this.list.length < maxFindings) this.list.push(finding);
    this.#tell(finding);
  }
}
