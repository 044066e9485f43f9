/**
 * The life of a study in the ledger.
 *
 *   absent ── arrival ──> open ── looked at when due ──> complete | short | excess | discontinued | quiet
 *                          ^                                              │
 *                          └───────────────── late arrival ──────────────┘   (an instance past the rollover: next generation)
 */
import type { StudyRecord } from '../record/study-record.ts';
import { isDueForTelling, isUntold } from '../tell/tell-step.ts';

export interface LifetimeOptions {
  /** A study is closed when nothing of it came for so long. */
  readonly quietPeriodMs: number;
  /** One whose modality has said its final word is looked at sooner, to be closed if it is whole. */
  readonly settleMs: number;
  /** One that comes back later than that after its close is a new generation. */
  readonly studyRolloverMs: number;
}

/** What came from the modality: an instance, or what it says of some. */
export interface Arrival {
  readonly of: 'instance' | 'document';
  /** The first of it. */
  readonly at: number;
}

/** A study after something was written down. `arrival`: undefined where nothing came from the modality. */
export function afterChange(study: StudyRecord, arrival: Arrival | undefined, now: number, options: LifetimeOptions): StudyRecord {
  if (study.state === 'open') return withDue(study, now, options);
  if (arrival === undefined) return nudged(study, now, options);
  const isNext = arrival.of === 'instance' && now - (study.closedAt ?? now) > options.studyRolloverMs;
  const next = isNext ? { generation: study.generation + 1, generationAt: arrival.at } : {};
  return withDue({ ...study, ...next, state: 'open', reopened: study.reopened + 1, verify: {} }, now, options);
}

/** When an open study can be closed for quiet, by what has been seen of it. */
export function quietAt({ lastAt }: StudyRecord, now: number, { quietPeriodMs }: LifetimeOptions): number {
  // A clock that is ahead elsewhere must not keep it open for ever.
  return Math.min(lastAt ?? now, now) + quietPeriodMs;
}

function withDue(study: StudyRecord, now: number, options: LifetimeOptions): StudyRecord {
  if (study.state !== 'open') return study;
  const quiet = quietAt(study, now, options);
  return { ...study, dueAt: study.isStated ? Math.min(quiet, now + options.settleMs) : quiet };
}

/** A closed study of which something was delivered, or found: its figures are made anew. */
function nudged(study: StudyRecord, now: number, { settleMs }: LifetimeOptions): StudyRecord {
  if (study.dueAt === undefined) return { ...study, dueAt: now };
  // More is on its way, mostly.
  return isUntold(study) || isDueForTelling(study) ? { ...study, dueAt: Math.min(study.dueAt, now + settleMs) } : study;
}
