/**
 * When a destination is asked for storage commitment of what it got from the spool, and what becomes of its reports.
 *
 *   asked for some ── report ──> kept: confirmed · refused: left to C-FIND · no such instance (0112): asked again, later each time ──> lost
 *                      ├─ more to ask for ──> asked for those
 *                      └─ no report in time ──> asked once more ──> left to C-FIND
 *
 * Whatever is not committed to, or lost, in the end is asked about by C-FIND, as everything else is.
 */
import type { CommitmentReport } from '../record/document-record.ts';
import type { InstanceAtDestination, InstanceRecord } from '../record/instance-record.ts';
import type { InstanceReference } from '../record/study-document.ts';
import type { StudyPage } from '../record/study-page.ts';
import type { CommitmentState, VerifyState } from '../record/verify-state.ts';

export interface CommitOptions {
  /** Of one request. Default 500: 64 KB. */
  readonly maxInstances: number;
  /** How long a report is waited for. Default 1 h. */
  readonly reportMs: number;
  /** Requests that come to nothing before it is left. Default 2. */
  readonly maxUnreported: number;
  /** Reports that miss an instance before it is believed to be lost. Default 3. */
  readonly maxRounds: number;
}

export const defaultCommitOptions: CommitOptions = { maxInstances: 500, reportMs: 3_600_000, maxUnreported: 2, maxRounds: 3 };

/** Failure Reason (PS3.3 C.14.1.1): no such object instance. */
const noSuchInstance = 0x0112;

/** Whether a destination has, or is to get, this instance from the spool, and has not said yet that it has it. */
export function isBacklog({ spooledAt, acknowledgedAt, confirmedAt }: InstanceAtDestination): boolean {
  return spooledAt !== undefined && acknowledgedAt !== undefined && confirmedAt === undefined;
}

/** Storage commitment has shown it to be lost since this destination is being asked: nobody asks again. */
export function isDenied(
  { missingAt, confirmedAt, commitFailure, commitFailedAt }: InstanceAtDestination,
  { since }: VerifyState,
): boolean {
  if (commitFailure !== noSuchInstance || (commitFailedAt ?? Number.NEGATIVE_INFINITY) < since) return false;
  return missingAt !== undefined && missingAt >= since && missingAt > (confirmedAt ?? Number.NEGATIVE_INFINITY);
}

export function newCommitment(now: number): CommitmentState {
  return { roundAt: now, rounds: 0, unreported: 0, committed: 0, refused: 0 };
}

/** What to ask for next, by the UIDs that the destination knows; empty: nothing. */
export function toCommit(
  page: StudyPage,
  destinationId: string,
  state: VerifyState,
  { maxInstances }: CommitOptions,
): readonly InstanceReference[] {
  return page.instances
    .filter((instance) => isToCommit(instance, destinationId, state))
    .slice(0, maxInstances)
    .map((instance) => ({ uid: knownAs(instance), sopClassUid: instance.sopClassUid }));
}

/** The state while a report is waited for. */
export function asked(
  state: VerifyState,
  waiting: NonNullable<CommitmentState['waiting']>,
  now: number,
  { reportMs }: CommitOptions,
): VerifyState {
  return { ...state, failures: 0, commitment: { ...commitmentOf(state), waiting }, nextAt: now + reportMs };
}

/** The request was not taken, or its report did not come. */
export function unreported(state: VerifyState, now: number, againMs: number, { maxUnreported }: CommitOptions): VerifyState {
  const { waiting: _, ...rest } = commitmentOf(state);
  const commitment = { ...rest, unreported: rest.unreported + 1 };
  if (commitment.unreported < maxUnreported) return { ...state, commitment, nextAt: now + againMs };
  return leftToFind({ ...state, commitment }, 'unreported', now);
}

/** It is asked by C-FIND from now on. */
export function leftToFind(state: VerifyState, outcome: NonNullable<CommitmentState['outcome']>, now: number): VerifyState {
  const { waiting: _, ...rest } = commitmentOf(state);
  return { ...state, failures: 0, method: 'instances', commitment: { ...rest, outcome }, nextAt: now };
}

/** What a report says of each instance, and the state after it. */
export interface Reported {
  /** Undefined: nobody waits for this report (any more), and the state is as it was. */
  readonly state: VerifyState | undefined;
  readonly places: ReadonlyMap<string, InstanceAtDestination>;
  readonly missing: number;
  readonly refused: number;
}

/** @param requested what was asked for, by the UIDs that the destination knows */
export function afterReport(
  page: StudyPage,
  destinationId: string,
  transactionUid: string,
  requested: readonly InstanceReference[],
  report: CommitmentReport,
  now: number,
  delayMs: (rounds: number) => number,
  options: CommitOptions,
): Reported {
  const places = new Map<string, InstanceAtDestination>();
  const kept = new Set(report.kept);
  const reasons = new Map(report.failed.map(({ uid, reason }) => [uid, reason]));
  const isRequested = new Set(requested.map(({ uid }) => uid));
  let [committed, refused, missing] = [0, 0, 0];
  const instances = page.instances.map((instance) => {
    const uid = knownAs(instance);
    const place = instance.at[destinationId];
    if (place === undefined || !isRequested.has(uid)) return instance;
    // What it names on neither side it does not keep, for no reason given.
    const reason = reasons.get(uid) ?? 0;
    const said: InstanceAtDestination =
      kept.has(uid) && !reasons.has(uid) ? { confirmedAt: now, committedAt: now } : { commitFailure: reason, commitFailedAt: now };
    if (said.confirmedAt !== undefined) committed += 1;
    else if (reason === noSuchInstance) missing += 1;
    else refused += 1;
    places.set(instance.uid, said);
    return { ...instance, at: { ...instance.at, [destinationId]: { ...place, ...said } } };
  });
  const state = page.study.verify[destinationId];
  if (state?.commitment?.waiting?.transactionUid !== transactionUid) return { state: undefined, places, missing, refused };
  const { waiting: _, ...rest } = state.commitment;
  const commitment = { ...rest, committed: rest.committed + committed, refused: rest.refused + refused };
  const next = { ...state, failures: 0, answeredAt: now, commitment };
  const after = { ...page, instances };
  if (toCommit(after, destinationId, next, options).length > 0) return { state: { ...next, nextAt: now }, places, missing, refused };
  const gone = instances.filter(({ at }) => isMissing(at[destinationId], state));
  if (gone.length === 0)
    return { state: leftToFind(next, commitment.refused > 0 ? 'refused' : 'committed', now), places, missing, refused };
  const rounds = commitment.rounds + 1;
  const counted = { ...next, missing: gone.length, commitment: { ...commitment, rounds, roundAt: now + 1 } };
  if (rounds < options.maxRounds) return { state: { ...counted, nextAt: now + delayMs(rounds) }, places, missing, refused };
  for (const { uid } of gone) places.set(uid, { ...places.get(uid), missingAt: now });
  return { state: leftToFind(counted, 'missing', now), places, missing, refused };
}

function commitmentOf({ commitment, since }: VerifyState): CommitmentState {
  return commitment ?? newCommitment(since);
}

/** The UID by which a destination knows it: that of the data set. */
function knownAs({ uid, dataSetUid }: InstanceRecord): string {
  return dataSetUid ?? uid;
}

function isToCommit({ at, sopClassUid }: InstanceRecord, destinationId: string, state: VerifyState): boolean {
  const place = at[destinationId];
  if (place === undefined || !isBacklog(place) || place.forwardedAt === undefined || sopClassUid === undefined) return false;
  if (isDenied(place, state)) return false;
  const { commitFailedAt = Number.NEGATIVE_INFINITY, commitFailure } = place;
  return commitFailedAt < state.since || (commitFailure === noSuchInstance && commitFailedAt < commitmentOf(state).roundAt);
}

/** By the last report of this time of asking. */
function isMissing(place: InstanceAtDestination | undefined, { since }: VerifyState): boolean {
  if (place === undefined || !isBacklog(place)) return false;
  return place.commitFailure === noSuchInstance && (place.commitFailedAt ?? Number.NEGATIVE_INFINITY) >= since;
}
