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
  if (arrival === undefined) return study.state === 'open' ? withDue(study, now, options) : nudged(study, now, options);
  // A document is laid to its study some time after it came.
  const heardAt = arrival.of === 'instance' ? now : Math.max(study.heardAt ?? 0, Math.min(study.lastAt ?? now, now));
  if (study.state === 'open') return withDue({ ...study, heardAt }, now, options);
  const isNext = arrival.of === 'instance' && now - (study.closedAt ?? now) > options.studyRolloverMs;
  const next = isNext ? { generation: study.generation + 1, generationAt: arrival.at } : {};
  return withDue({ ...study, ...next, heardAt, state: 'open', reopened: study.reopened + 1, verify: {} }, now, options);
}

/** An association that brought some of an open study is open still. Undefined: it is closed, and nothing came that would open it. */
export function afterHold(study: StudyRecord, now: number, options: LifetimeOptions): StudyRecord | undefined {
  return study.state === 'open' ? withDue({ ...study, heardAt: now }, now, options) : undefined;
}

/**
 * When an open study can be closed for quiet, by when something was written down: what is written has times of another clock, which stays behind where
 * the machine slept, or its time was set.
 */
export function quietAt({ heardAt, lastAt }: StudyRecord, now: number, { quietPeriodMs }: LifetimeOptions): number {
  // A clock that is ahead elsewhere must not keep it open for ever.
  return Math.min(heardAt ?? lastAt ?? now, now) + quietPeriodMs;
}

/** An open study when the time of day was set back: due by what the clock says now. Undefined: it is already. */
export function afterSetBack(study: StudyRecord, now: number, options: LifetimeOptions): StudyRecord | undefined {
  if (study.state !== 'open' || study.dueAt === undefined || study.dueAt <= quietAt(study, now, options)) return undefined;
  return withDue({ ...study, heardAt: Math.min(study.heardAt ?? study.lastAt ?? now, now) }, now, options);
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
