/**
 * The questions to destinations: what they have of a study. Each destination is asked one thing at a time, in the order of asking, so that one
 * that does not answer keeps nothing waiting but questions to itself.
 *
 *   ask ──line of its destination──> step of the schedule ──C-FIND, or N-ACTION──> answer ──settled──> ledger
 */
import type { Clock, TelemetryEvent } from '@radiotracer/telemetry';
import type { Ledger } from '../ledger/ledger.ts';
import type { InstanceReference } from '../record/study-document.ts';
import type { StudyPage } from '../record/study-page.ts';
import type { VerifyState } from '../record/verify-state.ts';
import { studyCommitted } from '../tell/study-committed.ts';
import { studyVerified } from '../tell/study-verified.ts';
import { leftToFind } from './commit-schedule.ts';
import type { Commitments } from './commitments.ts';
import type { FindAtDestination } from './find-at-destination.ts';
import { type Settled, settle } from './settle.ts';
import { afterCount, afterInstances, unreachable, type VerifyOptions, type VerifyStep, verifyStep } from './verify-schedule.ts';

export interface QuestionsOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Undefined: destinations are not asked by C-FIND. */
  readonly find: FindAtDestination | undefined;
  /** Undefined: destinations are not asked for storage commitment. */
  readonly commitments: Commitments | undefined;
  readonly verify: VerifyOptions;
  readonly publish: (event: TelemetryEvent | undefined) => void;
  readonly failed: (error: unknown) => void;
}

/** Questions that wait in line, over all destinations. */
const maxAsking = 256;
/** Whoever did not answer is not asked for so long. */
const silentMs = 30_000;

export class Questions {
  readonly #options: QuestionsOptions;
  /** On their way, or in line for it: by destination and study. */
  readonly #asking = new Map<string, Promise<void>>();
  /** The last in line, by destination. */
  readonly #lines = new Map<string, Promise<void>>();
  readonly #silentUntil = new Map<string, number>();
  #isStopped = false;
  #count = 0;

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  /** Questions asked so far. */
  get count(): number {
    return this.#count;
  }

  /** What finds no place in line is due again when its lease is over. */
  ask(studyUid: string, destinationId: string): void {
    const key = `${destinationId} ${studyUid}`;
    if (this.#asking.has(key) || this.#asking.size >= maxAsking) return;
    const before = this.#lines.get(destinationId) ?? Promise.resolve();
    const line = before
      .then(() => (this.#isStopped ? undefined : this.#verify(studyUid, destinationId)))
      .catch((error: unknown) => {
        if (!this.#isStopped) this.#options.failed(error);
      })
      .finally(() => {
        this.#asking.delete(key);
        if (this.#lines.get(destinationId) === line) this.#lines.delete(destinationId);
      });
    this.#asking.set(key, line);
    this.#lines.set(destinationId, line);
  }

  /** Those that were asked by now are answered. */
  async answered(): Promise<void> {
    await Promise.all(this.#asking.values());
  }

  /** Asks no more; those on their way are not waited for. */
  stop(): void {
    this.#isStopped = true;
  }

  async #verify(studyUid: string, destinationId: string): Promise<void> {
    const { ledger, clock, verify: options } = this.#options;
    const page = await ledger.page(studyUid);
    const known = page?.study.verify[destinationId];
    const now = clock.now();
    if (page === undefined || known?.nextAt === undefined || known.nextAt > now) return;
    const { isOwed: _, ...state } = known;
    const step = verifyStep(page, destinationId, state, now, options);
    switch (step.kind) {
      case 'state':
        await this.#settle(studyUid, destinationId, () => ({ state: step.state, places: new Map() }));
        return;
      case 'unreported':
        await this.#unreported(page, destinationId, state, step.state);
        return;
      case 'commitment':
        await this.#commit(page, destinationId, state, step.instances);
        return;
      case 'instances':
      case 'count':
        await this.#find(page, destinationId, state, step);
    }
  }

  async #find(
    page: StudyPage,
    destinationId: string,
    state: VerifyState,
    step: Extract<VerifyStep, { readonly kind: 'instances' | 'count' }>,
  ): Promise<void> {
    const { clock, find, verify: options, publish } = this.#options;
    const { uid: studyUid } = page.study;
    const startedAt = clock.now();
    const isSilent = this.#isSilent(destinationId, startedAt);
    const isAsked = !isSilent && find !== undefined;
    if (isAsked) this.#count += 1;
    const answer =
      find === undefined
        ? ({ kind: 'unsupported' } as const)
        : isSilent
          ? ({ kind: 'unreachable' } as const)
          : step.kind === 'instances'
            ? await find.instances(destinationId, studyUid, step.series)
            : await find.count(destinationId, studyUid);
    const endedAt = clock.now();
    if (isAsked) this.#heard(destinationId, answer.kind !== 'unreachable', endedAt);
    const after = await this.#settle(studyUid, destinationId, (current) =>
      answer.kind === 'counted' || (step.kind === 'count' && answer.kind !== 'found')
        ? { state: afterCount(current, destinationId, state, answer, endedAt, options), places: new Map() }
        : afterInstances(current, destinationId, state, answer, endedAt, options),
    );
    const errorType = 'errorType' in answer ? answer.errorType : undefined;
    // Of one that is still owed something nothing is to be told yet.
    if (isAsked && after?.isOwed !== true)
      publish(studyVerified(page, destinationId, { startedAt, endedAt, answer: answer.kind, errorType, after }));
  }

  async #commit(page: StudyPage, destinationId: string, state: VerifyState, instances: readonly InstanceReference[]): Promise<void> {
    const { clock, commitments, verify } = this.#options;
    const now = clock.now();
    const { uid: studyUid } = page.study;
    const put = (next: VerifyState) => this.#settle(studyUid, destinationId, () => ({ state: next, places: new Map() }));
    // It was turned off since.
    if (commitments === undefined) await put(leftToFind(state, 'unsupported', now));
    else if (this.#isSilent(destinationId, now)) await put(unreachable(state, now, verify));
    else {
      this.#count += 1;
      const answer = await commitments.ask(page, destinationId, instances);
      if (answer !== undefined) this.#heard(destinationId, answer !== 'unreachable', clock.now());
    }
  }

  async #unreported(page: StudyPage, destinationId: string, { commitment }: VerifyState, next: VerifyState): Promise<void> {
    const waiting = commitment?.waiting;
    const after = await this.#settle(page.study.uid, destinationId, (_, current) =>
      // Its report came after all.
      current?.commitment?.waiting?.transactionUid === waiting?.transactionUid ? { state: next, places: new Map() } : undefined,
    );
    if (after === undefined || waiting === undefined) return;
    const times = { startedAt: waiting.askedAt, endedAt: this.#options.clock.now() };
    this.#options.publish(studyCommitted(page, destinationId, { ...times, result: 'unreported', asked: waiting.instances }));
  }

  /** Whoever did not answer a moment ago is not waited for again, study after study. */
  #isSilent(destinationId: string, now: number): boolean {
    return (this.#silentUntil.get(destinationId) ?? 0) > now;
  }

  #heard(destinationId: string, isThere: boolean, now: number): void {
    if (isThere) this.#silentUntil.delete(destinationId);
    else this.#silentUntil.set(destinationId, now + silentMs);
  }

  /** Returns where it stands then; undefined: it was opened again, and will be asked about as a whole. */
  async #settle(
    studyUid: string,
    destinationId: string,
    after: (page: StudyPage, state: VerifyState) => Settled | undefined,
  ): Promise<VerifyState | undefined> {
    const { ledger, clock } = this.#options;
    return settle(ledger, clock.now(), studyUid, destinationId, (page, state) => (state === undefined ? undefined : after(page, state)));
  }
}
