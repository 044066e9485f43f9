/**
 * The questions to destinations: what they have of a study. Each destination is asked one thing at a time, in the order of asking, so that one
 * that does not answer keeps nothing waiting but questions to itself.
 *
 *   ask ──line of its destination──> step of the schedule ──C-FIND──> answer ──settled──> ledger
 */
import type { Clock, TelemetryEvent } from '@radiotracer/telemetry';
import type { Ledger } from '../ledger/ledger.ts';
import { emptyInstance, mergeInstances } from '../record/instance-record.ts';
import type { StudyPage } from '../record/study-page.ts';
import type { VerifyState } from '../record/verify-state.ts';
import { studyVerified } from '../tell/study-verified.ts';
import type { FindAtDestination } from './find-at-destination.ts';
import { afterCount, afterInstances, type VerifyOptions, verifyStep } from './verify-schedule.ts';

export interface QuestionsOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Undefined: destinations are not asked. */
  readonly find: FindAtDestination | undefined;
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
    const { ledger, clock, find, verify: options, publish } = this.#options;
    const page = await ledger.page(studyUid);
    const state = page?.study.verify[destinationId];
    const startedAt = clock.now();
    if (find === undefined || page === undefined || state?.nextAt === undefined || state.nextAt > startedAt) return;
    const step = verifyStep(page, destinationId, state, startedAt, options);
    if (step.kind === 'state') {
      await this.#settle(studyUid, destinationId, () => ({ state: step.state, places: new Map() }));
      return;
    }
    // Whoever did not answer a moment ago is not waited for again, study after study.
    const isSilent = (this.#silentUntil.get(destinationId) ?? 0) > startedAt;
    if (!isSilent) this.#count += 1;
    const answer = isSilent
      ? ({ kind: 'unreachable' } as const)
      : step.kind === 'instances'
        ? await find.instances(destinationId, studyUid, step.seriesUids)
        : await find.count(destinationId, studyUid);
    const endedAt = clock.now();
    if (answer.kind !== 'unreachable') this.#silentUntil.delete(destinationId);
    else if (!isSilent) this.#silentUntil.set(destinationId, endedAt + silentMs);
    const after = await this.#settle(studyUid, destinationId, (current) =>
      answer.kind === 'counted' || (step.kind === 'count' && answer.kind !== 'found')
        ? { state: afterCount(current, destinationId, state, answer, endedAt, options), places: new Map() }
        : afterInstances(current, destinationId, state, answer, endedAt, options),
    );
    if (!isSilent) publish(studyVerified(page, destinationId, { startedAt, endedAt, answer: answer.kind, after }));
  }

  /** Returns where it stands then; undefined: it was opened again. */
  async #settle(
    studyUid: string,
    destinationId: string,
    after: (page: StudyPage) => ReturnType<typeof afterInstances>,
  ): Promise<VerifyState | undefined> {
    const update = await this.#options.ledger.update(studyUid, (page) => {
      // Opened again meanwhile: it will be asked about as a whole.
      if (page.study.verify[destinationId] === undefined) return undefined;
      const { state, places } = after(page);
      const verify = { ...page.study.verify, [destinationId]: state };
      const instances = page.instances.flatMap((instance) => {
        const place = places.get(instance.uid);
        return place === undefined ? [] : [mergeInstances(instance, { ...emptyInstance(instance.uid), at: { [destinationId]: place } })];
      });
      // Looked at once more, for its figures.
      const dueAt = page.study.state === 'open' ? page.study.dueAt : this.#options.clock.now();
      return { study: { ...page.study, verify, ...(dueAt === undefined ? {} : { dueAt }) }, instances };
    });
    return update?.study.verify[destinationId];
  }
}
