/** Looks at a study that is due. Pure: what is known of it, the time, and what follows. */
import { type LifetimeOptions, quietAt } from './ledger/lifetime.ts';
import type { FindingCounts } from './record/finding-counts.ts';
import { defined } from './record/fold.ts';
import { isAcknowledged } from './record/instance-record.ts';
import { incompleteSince, receivedOf, type StudyPage } from './record/study-page.ts';
import type { StudyRecord } from './record/study-record.ts';
import { tellDueAt, tellStep } from './tell/tell-step.ts';
import { type Finding, findingsOf } from './verdict/finding.ts';
import { lossOf } from './verdict/loss.ts';
import { verdictOf } from './verdict/verdict.ts';
import { nextVerifyAt, statesAfterDelivery, type VerifyOptions, verifyStates } from './verify/verify-schedule.ts';

export interface EvaluateOptions extends LifetimeOptions {
  /** Undefined: no destination is asked. */
  readonly verify: VerifyOptions | undefined;
}

/** What a look at a study came to. */
export interface Evaluation {
  readonly study: StudyRecord;
  /** It is closed now, and was not. */
  readonly closed: boolean;
  readonly findings: readonly Finding[];
}

/** How long a step that is under way, and of which nothing came, keeps a study open. */
const maxInProgressMs = 86_400_000;

/** Undefined: it is not due. */
export function evaluate(read: StudyPage, now: number, options: EvaluateOptions): Evaluation | undefined {
  if (read.study.dueAt === undefined || read.study.dueAt > now) return undefined;
  const study = defined({ ...read.study, incompleteSince: incompleteSince(read) } as StudyRecord);
  const page = { ...read, study };
  const verdict = verdictOf(page);
  const isOpen = study.state === 'open';
  if (isOpen) {
    const quiet = quietAt(study, now, options);
    const isSaid = study.isStated && verdict.state === 'complete' && verdict.confidence === 'high';
    // One that nobody took is sent again, mostly.
    const isWhole = isSaid && !hasStepUnderWay(page) && isOfSteps(page) && receivedOf(page).every(isAcknowledged);
    if (now < quiet && !isWhole) return { study: { ...study, dueAt: quiet }, closed: false, findings: [] };
    const isWaiting = receivedOf(page).length === 0 && hasStepUnderWay(page) && now - (study.lastAt ?? now) < maxInProgressMs;
    if (isWaiting) return { study: { ...study, dueAt: now + options.quietPeriodMs }, closed: false, findings: [] };
  }
  const findings = findingsOf(page);
  const asking = isOpen ? verifyStates : statesAfterDelivery;
  const verify = options.verify === undefined ? study.verify : asking(page, now, options.verify);
  const { dueAt: _, ...rest } = study;
  const counts = Object.fromEntries(findings.map(({ kind, count }) => [kind, count])) as FindingCounts;
  const closedAt = isOpen ? now : (study.closedAt ?? now);
  const closed = { ...rest, state: verdict.state, closedAt, verdict, findings: counts, loss: lossOf(page), verify };
  const telling = tellStep(page, closed, findings, now, options);
  const times = [nextVerifyAt(verify), tellDueAt(telling, closedAt, options)].filter((time) => time !== undefined);
  return {
    study: { ...closed, ...(telling === undefined ? {} : { telling }), ...(times.length === 0 ? {} : { dueAt: Math.min(...times) }) },
    closed: isOpen,
    findings,
  };
}

function hasStepUnderWay(page: StudyPage): boolean {
  return page.documents.some((document) => document.kind === 'mpps' && document.status === 'IN PROGRESS');
}

/** Of what another modality makes of the study, and of what is made of it later, no step says when it is over. */
function isOfSteps(page: StudyPage): boolean {
  const uids = new Set(page.documents.flatMap((document) => (document.kind === 'mpps' ? document.series.map(({ uid }) => uid) : [])));
  return receivedOf(page).every(({ seriesUid }) => seriesUid !== undefined && uids.has(seriesUid));
}
