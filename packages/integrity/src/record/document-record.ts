import { defined, greatest, least, united } from './fold.ts';
import { type InstanceReference, laterDocument, type NamedSeries } from './study-document.ts';

/** A value, and when it was said. */
interface Said<Value> {
  readonly at: number;
  readonly value: Value;
}

export interface FailedReference {
  readonly uid: string;
  /** Failure Reason (0008,1197). */
  readonly reason: number;
}

/** What a destination answers to a request for storage commitment (PS3.4 J.3.3). */
export interface CommitmentReport {
  readonly kept: readonly string[];
  readonly failed: readonly FailedReference[];
}

/** What was seen of one document, in whatever order; it may belong to several studies. */
export interface DocumentFacts {
  /** Kind, a colon, and its UID. */
  readonly id: string;
  readonly callingAeTitle?: string;
  /** Where it was sent. */
  readonly destinationId?: string;
  readonly firstAt?: number;
  readonly lastAt?: number;
  /** Studies that it names itself. */
  readonly studyUids: readonly string[];
  /** MPPS. */
  readonly status?: Said<'IN PROGRESS' | 'COMPLETED' | 'DISCONTINUED'>;
  readonly series?: Said<readonly NamedSeries[]>;
  /** Storage commitment: what was asked, and what was answered. */
  readonly requested?: Said<readonly InstanceReference[]>;
  readonly answered?: Said<CommitmentReport>;
  /** We asked for it ourselves, of instances of its one study: it says nothing of what was to come. */
  readonly isOwn?: true;
  readonly retrieve?: Said<{
    readonly completed: number;
    readonly warning: number;
    readonly failed: number;
    readonly remaining: number;
    readonly failedUids: readonly string[];
  }>;
}

/** A document as it is kept, until all that it names has found its study or a day is over. */
export interface DocumentRecord extends DocumentFacts {
  readonly attempts: number;
  readonly dueAt?: number;
}

const maxStudies = 16;
/** Of one document; what is more is cut off. */
export const maxReferences = 20_000;

export function newDocument(id: string): DocumentRecord {
  return { id, studyUids: [], attempts: 0 };
}

export function mergeDocument<Into extends DocumentFacts>(into: Into, facts: DocumentFacts): Into {
  return defined({
    ...into,
    callingAeTitle: least(into.callingAeTitle, facts.callingAeTitle),
    destinationId: least(into.destinationId, facts.destinationId),
    firstAt: least(into.firstAt, facts.firstAt),
    lastAt: greatest(into.lastAt, facts.lastAt),
    studyUids: united(into.studyUids, facts.studyUids, maxStudies),
    status: later(into.status, facts.status),
    series: later(into.series, facts.series),
    requested: later(into.requested, facts.requested),
    answered: later(into.answered, facts.answered),
    isOwn: into.isOwn ?? facts.isOwn,
    retrieve: later(into.retrieve, facts.retrieve),
  });
}

function later<Value>(one: Said<Value> | undefined, other: Said<Value> | undefined): Said<Value> | undefined {
  return other === undefined ? one : laterDocument(one, other);
}

/** Every instance that it names. */
export function namedUids(document: DocumentFacts): readonly string[] {
  const uids = [
    ...(document.series?.value.flatMap(({ instances }) => instances.map(({ uid }) => uid)) ?? []),
    ...(document.requested?.value.map(({ uid }) => uid) ?? []),
    ...(document.answered?.value.kept ?? []),
    ...(document.answered?.value.failed.map(({ uid }) => uid) ?? []),
  ];
  return [...new Set(uids)];
}
