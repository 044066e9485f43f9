/**
 * When a destination is asked what it has of a study, and what becomes of its answers.
 *
 *   closed ── first delay ──> asked for UIDs ── all there ──> confirmed
 *                               │   ├─ some not there ── asked again, later each time ──> lost
 *                               │   └─ does not answer ── asked again ──> unverifiable
 *                               └─ does not do that ──> asked for a count ── enough ──> confirmed by count
 *                                                         └─ fewer, or no count ──> short by count, unverifiable
 *
 * Nobody is asked while instances still wait to be delivered: a PACS cannot have what it was not sent.
 */
import type { InstanceAtDestination, InstanceRecord } from '../record/instance-record.ts';
import type { StudyPage } from '../record/study-page.ts';
import type { VerifyState } from '../record/verify-state.ts';
import type { CountAnswer, InstancesAnswer } from './find-at-destination.ts';

export interface VerifyOptions {
  /** From the close to the first question: ingest takes its time. Default 30 s. */
  readonly firstDelayMs: number;
  /** Each delay is so many times the one before. Default 3. */
  readonly growth: number;
  /** No delay is longer. Default 6 h. */
  readonly longestDelayMs: number;
  /** Answers that miss something before it is believed to be lost. Default 6. */
  readonly maxAttempts: number;
  /** How long a destination may be out of reach, or be owed instances, before it is given up. Default 7 days. */
  readonly giveUpMs: number;
}

export const defaultVerifyOptions: VerifyOptions = {
  ...{ firstDelayMs: 30_000, growth: 3, longestDelayMs: 21_600_000, maxAttempts: 6, giveUpMs: 604_800_000 },
};

/** Destinations that have something to confirm. */
export function verifyStates(page: StudyPage, now: number, options: VerifyOptions): Readonly<Record<string, VerifyState>> {
  const states: Record<string, VerifyState> = {};
  for (const { at } of page.instances) {
    for (const [destinationId, place] of Object.entries(at)) {
      if (isOwed(place))
        states[destinationId] ??= { since: now, attempts: 0, failures: 0, method: 'instances', nextAt: now + options.firstDelayMs };
    }
  }
  return states;
}

export function nextVerifyAt(states: Readonly<Record<string, VerifyState>>): number | undefined {
  const times = Object.values(states).flatMap(({ nextAt }) => nextAt ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** What to ask now; `wait`: the state that puts it off. */
export type VerifyStep =
  | { readonly kind: 'instances'; readonly seriesUids: readonly string[] }
  | { readonly kind: 'count' }
  | { readonly kind: 'state'; readonly state: VerifyState };

export function verifyStep(page: StudyPage, destinationId: string, state: VerifyState, now: number, options: VerifyOptions): VerifyStep {
  const owed = owedTo(page, destinationId);
  const sent = owed.filter(({ place }) => place.forwardedAt !== undefined);
  const isWaiting = owed.some(({ place }) => place.forwardedAt === undefined && place.deadAt === undefined);
  if (isWaiting && now - state.since < options.giveUpMs)
    return { kind: 'state', state: { ...state, failures: state.failures + 1, nextAt: now + delay(state.failures, options) } };
  if (sent.length === 0) return { kind: 'state', state: over(state, owed.length > 0 ? 'unverifiable' : 'confirmed', owed.length, now) };
  if (state.method === 'count') return { kind: 'count' };
  return { kind: 'instances', seriesUids: [...new Set(sent.map(({ instance }) => instance.seriesUid ?? ''))].sort() };
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
  if (answer.kind === 'unreachable') return { state: unreachable(state, now, options), places };
  if (answer.kind === 'unsupported') return { state: { ...state, failures: 0, method: 'count', nextAt: now }, places };
  const missing: string[] = [];
  for (const { instance, place } of owedTo(page, destinationId)) {
    if (answer.uids.has(instance.uid) || (instance.dataSetUid !== undefined && answer.uids.has(instance.dataSetUid)))
      places.set(instance.uid, { confirmedAt: now });
    else if (place.forwardedAt !== undefined) missing.push(instance.uid);
  }
  if (missing.length === 0) return { state: over(state, 'confirmed', 0, now), places };
  const attempts = state.attempts + 1;
  const next = { ...state, attempts, failures: 0, missing: missing.length, answeredAt: now };
  if (attempts < options.maxAttempts) return { state: { ...next, nextAt: now + delay(attempts, options) }, places };
  for (const uid of missing) places.set(uid, { missingAt: now });
  return { state: over(next, 'lost', missing.length, now), places };
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
  if (answer.kind === 'unsupported') return over(state, 'unverifiable', undefined, now);
  const forwarded = page.instances.filter(({ at }) => at[destinationId]?.forwardedAt !== undefined).length;
  const missing = Math.max(0, forwarded - answer.instances);
  if (missing === 0) return over(state, 'confirmed-by-count', 0, now);
  const attempts = state.attempts + 1;
  const next = { ...state, attempts, failures: 0, missing, answeredAt: now };
  return attempts < options.maxAttempts ? { ...next, nextAt: now + delay(attempts, options) } : over(next, 'short-by-count', missing, now);
}

function unreachable(state: VerifyState, now: number, options: VerifyOptions): VerifyState {
  const failures = state.failures + 1;
  if (now - state.since >= options.giveUpMs) return over({ ...state, failures }, 'unverifiable', state.missing, now);
  return { ...state, failures, nextAt: now + delay(failures, options) };
}

function over(state: VerifyState, outcome: NonNullable<VerifyState['outcome']>, missing: number | undefined, now: number): VerifyState {
  const { nextAt: _, ...rest } = state;
  return { ...rest, outcome, answeredAt: now, ...(missing === undefined ? {} : { missing }) };
}

function delay(attempts: number, { firstDelayMs, growth, longestDelayMs }: VerifyOptions): number {
  return Math.min(firstDelayMs * growth ** Math.min(attempts, 32), longestDelayMs);
}

interface Owed {
  readonly instance: InstanceRecord;
  readonly place: InstanceAtDestination;
}

function owedTo(page: StudyPage, destinationId: string): readonly Owed[] {
  return page.instances.flatMap((instance) => {
    const place = instance.at[destinationId];
    return place !== undefined && isOwed(place) ? [{ instance, place }] : [];
  });
}

/** Acknowledged, and not known to be there. */
function isOwed({ acknowledgedAt, confirmedAt }: InstanceAtDestination): boolean {
  return acknowledgedAt !== undefined && confirmedAt === undefined;
}
