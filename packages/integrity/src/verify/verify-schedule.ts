/**
 * When a destination is asked what it has of a study, and what becomes of its answers.
 *
 *   closed ── first delay ──> asked for UIDs ── all there ──> confirmed
 *                               │   ├─ some not there ── asked again, later each time ──> lost ── asked now and then ──> confirmed
 *                               │   └─ does not answer ── asked again ──> unverifiable
 *                               └─ does not do that ──> asked for a count ── enough ──> confirmed by count
 *                                                         └─ fewer, or no count ──> short by count, unverifiable
 *
 * Nobody is asked while instances still wait to be delivered: a PACS cannot have what it was not sent. But of what was delivered just before a crash
 * nobody may know, and it would be waited for in vain: after a while it is asked all the same, and what it has is confirmed. Where the site turned it
 * on, what came from the spool is asked about by storage commitment first (commit-schedule.ts).
 */
import { isWellFormed } from '../observe.ts';
import { type InstanceAtDestination, type InstanceRecord, isRemoved } from '../record/instance-record.ts';
import type { InstanceReference } from '../record/study-document.ts';
import type { StudyPage } from '../record/study-page.ts';
import type { VerifyState } from '../record/verify-state.ts';
import {
  type CommitOptions,
  defaultCommitOptions,
  isBacklog,
  isDenied,
  leftToFind,
  newCommitment,
  toCommit,
  unreported,
} from './commit-schedule.ts';
import type { CountAnswer, InstancesAnswer, SeriesOwed } from './find-at-destination.ts';

export interface VerifyOptions {
  /** From the close to the first question: ingest takes its time. Default 30 s. */
  readonly firstDelayMs: number;
  /** Each delay is so many times the one before. Default 3. */
  readonly growth: number;
  /** No delay is longer. Default 6 h. */
  readonly longestDelayMs: number;
  /** Answers that miss something before it is believed to be lost. Default 6. */
  readonly maxAttempts: number;
  /** How long a destination may be out of reach, be owed instances, or not have what it was sent, before it is given up. Default 7 days. */
  readonly giveUpMs: number;
  /** Destinations are asked by C-FIND. Default true. */
  readonly finds: boolean;
  /** Whether a destination is asked for storage commitment of what it got from the spool. Default: none is. */
  readonly commits: (destinationId: string) => boolean;
  readonly commit: CommitOptions;
}

/** Put off so often for what waits, 20 minutes by default, and it is asked all the same. */
const askedAfter = 4;

export const defaultVerifyOptions: VerifyOptions = {
  ...{ firstDelayMs: 30_000, growth: 3, longestDelayMs: 21_600_000, maxAttempts: 6, giveUpMs: 604_800_000 },
  ...{ finds: true, commits: () => false, commit: defaultCommitOptions },
};

/** Destinations that have something to confirm. */
export function verifyStates(page: StudyPage, now: number, options: VerifyOptions): Readonly<Record<string, VerifyState>> {
  const states: Record<string, VerifyState> = {};
  for (const { at } of page.instances) {
    for (const [destinationId, place] of Object.entries(at)) {
      if (!isOwed(place)) continue;
      const commits = options.commits(destinationId) && isBacklog(place);
      const state = { since: now, attempts: 0, failures: 0, method: 'instances', nextAt: now + options.firstDelayMs } as const;
      if (options.finds) states[destinationId] ??= state;
      if (commits) states[destinationId] = { ...state, method: 'commitment', commitment: newCommitment(now) };
    }
  }
  return states;
}

/** Of a study that was closed before: what was delivered since then begins the questions to its destination anew, once nothing more is on its way to it. */
export function statesAfterDelivery(page: StudyPage, now: number, options: VerifyOptions): Readonly<Record<string, VerifyState>> {
  const anew = verifyStates(page, now, options);
  const states = Object.entries(page.study.verify).map(([destinationId, state]) => {
    const owed = owedTo(page, destinationId, state);
    const isLate = owed.some(({ place: { spooledAt, forwardedAt = 0 } }) => spooledAt !== undefined && forwardedAt > state.since);
    const isFree = (isLate || state.isOwed === true) && !isWaiting(owed);
    return [destinationId, (isFree ? anew[destinationId] : undefined) ?? state] as const;
  });
  return Object.fromEntries(states);
}

export function nextVerifyAt(states: Readonly<Record<string, VerifyState>>): number | undefined {
  const times = Object.values(states).flatMap(({ nextAt }) => nextAt ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** What to ask now; `wait`: the state that puts it off. */
export type VerifyStep =
  | { readonly kind: 'instances'; readonly series: SeriesOwed }
  | { readonly kind: 'count' }
  | { readonly kind: 'commitment'; readonly instances: readonly InstanceReference[] }
  /** Of a request for storage commitment the report did not come in time. */
  | { readonly kind: 'unreported'; readonly state: VerifyState }
  | { readonly kind: 'state'; readonly state: VerifyState };

export function verifyStep(page: StudyPage, destinationId: string, state: VerifyState, now: number, options: VerifyOptions): VerifyStep {
  const owed = owedTo(page, destinationId, state);
  const sent = owed.filter(({ place }) => place.forwardedAt !== undefined);
  if (isWaiting(owed) && now - state.since < options.giveUpMs) {
    const isAsked = options.finds && state.method !== 'count' && state.failures >= askedAfter && isWellFormed(page.study.uid);
    return isAsked ? { kind: 'instances', series: seriesOf(owed) } : { kind: 'state', state: putOff(state, now, options) };
  }
  if (sent.length === 0) {
    const outcome = owed.length > 0 ? 'unverifiable' : 'confirmed';
    return { kind: 'state', state: over(state, outcome, owed.length, now, deniedBy(page, destinationId, state)) };
  }
  if (state.method === 'commitment') return commitStep(page, destinationId, state, now, options);
  // Without a study there is nothing to ask by, and * is a wildcard to some: it would be a question for all that the destination has.
  if (!isWellFormed(page.study.uid))
    return { kind: 'state', state: over(state, 'unverifiable', undefined, now, deniedBy(page, destinationId, state)) };
  if (state.method === 'count') return { kind: 'count' };
  return { kind: 'instances', series: seriesOf(sent) };
}

function seriesOf(some: readonly Owed[]): SeriesOwed {
  const series = Map.groupBy(some, ({ instance }) => instance.seriesUid ?? '');
  return new Map(
    [...series].map(([uid, each]) => [uid, each.map(({ instance }) => instance.dataSetUid ?? instance.uid).filter(isWellFormed)]),
  );
}

/** Until nothing is on its way any more, or it is asked all the same. */
function putOff(state: VerifyState, now: number, options: VerifyOptions): VerifyState {
  return { ...state, failures: state.failures + 1, isOwed: true, nextAt: now + delay(state.failures, options) };
}

function commitStep(page: StudyPage, destinationId: string, state: VerifyState, now: number, { commit }: VerifyOptions): VerifyStep {
  if (state.commitment?.waiting !== undefined) return { kind: 'unreported', state: unreported(state, now, 0, commit) };
  const instances = toCommit(page, destinationId, state, commit);
  if (instances.length === 0) return { kind: 'state', state: leftToFind(state, 'unsupported', now) };
  return { kind: 'commitment', instances };
}

/** The state after an answer, and what it says of instances. */
export interface Verified {
  readonly state: VerifyState;
  readonly places: ReadonlyMap<string, InstanceAtDestination>;
}

export function afterInstances(
  page: StudyPage,
  destinationId: string,
  state: VerifyState,
  answer: InstancesAnswer,
  now: number,
  options: VerifyOptions,
): Verified {
  const places = new Map<string, InstanceAtDestination>();
  const absent: Owed[] = [];
  for (const owed of owedTo(page, destinationId, state)) {
    const { uid, dataSetUid } = owed.instance;
    const isThere = answer.kind === 'found' && (answer.uids.has(uid) || (dataSetUid !== undefined && answer.uids.has(dataSetUid)));
    if (isThere) places.set(uid, { confirmedAt: now });
    else absent.push(owed);
  }
  // What it has not of the others may be behind what is on its way.
  if (isWaiting(absent) && now - state.since < options.giveUpMs) return { state: putOff(state, now, options), places };
  if (answer.kind !== 'found' && state.outcome === 'lost') return { state: stillLost(state, now, options), places };
  if (answer.kind === 'unreachable') return { state: unreachable(state, now, options), places };
  if (answer.kind === 'unsupported') return { state: { ...state, failures: 0, method: 'count', nextAt: now }, places };
  const missing = absent.filter(({ place }) => place.forwardedAt !== undefined).map(({ instance }) => instance.uid);
  const denied = deniedBy(page, destinationId, state);
  if (missing.length === 0) return { state: over(state, 'confirmed', 0, now, denied), places };
  const attempts = state.attempts + 1;
  const next = { ...state, attempts, failures: 0, missing: missing.length, answeredAt: now };
  if (attempts < options.maxAttempts) return { state: { ...next, nextAt: now + delay(attempts, options) }, places };
  for (const uid of missing) places.set(uid, { missingAt: now });
  return { state: stillLost(over(next, 'lost', missing.length, now, denied), now, options), places };
}

/** It is asked now and then all the same: its ingest may be far behind, or somebody puts it right. */
function stillLost({ nextAt: _, ...state }: VerifyState, now: number, { giveUpMs, longestDelayMs }: VerifyOptions): VerifyState {
  return now - state.since < giveUpMs ? { ...state, nextAt: now + longestDelayMs } : state;
}

export function afterCount(
  page: StudyPage,
  destinationId: string,
  state: VerifyState,
  answer: CountAnswer,
  now: number,
  options: VerifyOptions,
): VerifyState {
  if (answer.kind === 'unreachable') return unreachable(state, now, options);
  const denied = deniedBy(page, destinationId, state);
  if (answer.kind === 'unsupported') return over(state, 'unverifiable', undefined, now, denied);
  const forwarded = page.instances.filter(({ at }) => at[destinationId]?.forwardedAt !== undefined).length - denied;
  const missing = Math.max(0, forwarded - answer.instances);
  if (missing === 0) return over(state, 'confirmed-by-count', 0, now, denied);
  const attempts = state.attempts + 1;
  const next = { ...state, attempts, failures: 0, missing, answeredAt: now };
  return attempts < options.maxAttempts ? { ...next, nextAt: now + delay(attempts, options) } : over(next, 'short-by-count', missing, now);
}

/** It does not answer: asked again, later each time, until it is given up. */
export function unreachable(state: VerifyState, now: number, options: VerifyOptions): VerifyState {
  const failures = state.failures + 1;
  if (now - state.since >= options.giveUpMs) return over({ ...state, failures }, 'unverifiable', state.missing, now);
  return { ...state, failures, nextAt: now + delay(failures, options) };
}

/** `denied`: instances that storage commitment has shown to be lost, whatever else is known of the others. */
function over(
  state: VerifyState,
  known: NonNullable<VerifyState['outcome']>,
  missingOthers: number | undefined,
  now: number,
  denied = 0,
): VerifyState {
  const { nextAt: _, ...rest } = state;
  const isLost = denied > 0 && known !== 'short-by-count';
  const outcome = isLost ? 'lost' : known;
  const missing = isLost ? denied + (known === 'lost' ? (missingOthers ?? 0) : 0) : missingOthers;
  return { ...rest, outcome, answeredAt: now, ...(missing === undefined ? {} : { missing }) };
}

/** How long is waited for the next question, after so many. */
export function delay(attempts: number, { firstDelayMs, growth, longestDelayMs }: VerifyOptions): number {
  return Math.min(firstDelayMs * growth ** Math.min(attempts, 32), longestDelayMs);
}

interface Owed {
  readonly instance: InstanceRecord;
  readonly place: InstanceAtDestination;
}

function owedTo(page: StudyPage, destinationId: string, state: VerifyState): readonly Owed[] {
  return page.instances.flatMap((instance) => {
    const place = instance.at[destinationId];
    return place !== undefined && isOwed(place) && !isDenied(place, state) ? [{ instance, place }] : [];
  });
}

function isWaiting(owed: readonly Owed[]): boolean {
  return owed.some(({ place }) => place.forwardedAt === undefined && place.deadAt === undefined && !isRemoved(place));
}

function deniedBy(page: StudyPage, destinationId: string, state: VerifyState): number {
  return page.instances.filter(({ at }) => at[destinationId] !== undefined && isDenied(at[destinationId], state)).length;
}

/** Acknowledged, and not known to be there. */
function isOwed({ acknowledgedAt, confirmedAt }: InstanceAtDestination): boolean {
  return acknowledgedAt !== undefined && confirmedAt === undefined;
}
