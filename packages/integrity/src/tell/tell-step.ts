/** When the root of a study's trace is told. Pure. */
import type { StudyPage } from '../record/study-page.ts';
import type { StudyRecord } from '../record/study-record.ts';
import type { StudyTelling } from '../record/study-telling.ts';
import type { Verdict } from '../record/verdict-record.ts';
import type { Finding } from '../verdict/finding.ts';
import { isSettled, studyTold } from './study-told.ts';

/** Told within it, and marked as told: after that somebody else takes it that whoever told it is gone. */
const tellLeaseMs = 30_000;

/** A closed study, looked at: what is stored of its telling; `undefined`: it names no study, and has no trace. */
export function tellStep(
  page: StudyPage,
  study: StudyRecord & { readonly verdict: Verdict },
  findings: readonly Finding[],
  now: number,
  { studyRolloverMs }: { readonly studyRolloverMs: number },
): StudyTelling | undefined {
  const { telling, generation, closedAt = now } = study;
  if (study.uid === '') return undefined;
  if (telling?.generation === generation && (telling.told || telling.leaseUntil !== undefined)) return renewed(telling, now);
  const event = studyTold({ ...page, study }, study.verdict, findings, now);
  const isDue = isSettled(page) || now >= closedAt + studyRolloverMs;
  return { generation, told: false, event, ...(isDue ? { leaseUntil: now + tellLeaseMs } : {}) };
}

/** The telling of an earlier generation that nobody came to; undefined: there is none. */
export function overdueTelling({ telling, generation }: StudyRecord, now: number): StudyTelling | undefined {
  if (telling === undefined || telling.told || telling.generation >= generation) return undefined;
  return telling.leaseUntil !== undefined && telling.leaseUntil > now ? undefined : { ...telling, leaseUntil: now + tellLeaseMs };
}

/** When a closed study is to be looked at for it; undefined: it is told. */
export function tellDueAt(telling: StudyTelling | undefined, closedAt: number, { studyRolloverMs }: { readonly studyRolloverMs: number }) {
  if (telling === undefined || telling.told) return undefined;
  return telling.leaseUntil ?? closedAt + studyRolloverMs;
}

/** Its root is still to be told: each delivery may be the last. */
export function isUntold({ telling, generation, state }: StudyRecord): boolean {
  return state !== 'open' && telling?.generation === generation && !telling.told && telling.leaseUntil === undefined;
}

/** A closed study that is to be looked at for nothing but whether its root was told. */
export function isDueForTelling({ telling, state, dueAt }: StudyRecord): boolean {
  return state !== 'open' && telling?.told === false && telling.leaseUntil !== undefined && telling.leaseUntil === dueAt;
}

function renewed(telling: StudyTelling, now: number): StudyTelling {
  return telling.told || (telling.leaseUntil ?? 0) > now ? telling : { ...telling, leaseUntil: now + tellLeaseMs };
}
