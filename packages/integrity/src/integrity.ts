/**
 * What was to come, what came, what arrived. Reads the events that all stages publish, keeps a ledger of every study, and looks at a study
 * when it has gone quiet, when something more is known of it, and when a destination is to be asked what it has.
 */
import { type Clock, type Publish, systemClock, type TelemetryEvent } from '@radiotracer/telemetry';
import type { DataSetReader } from './data-set/plain-data-set.ts';
import { ThreadReader } from './data-set/thread-reader.ts';
import { type EvaluateOptions, evaluate } from './evaluate.ts';
import { Health } from './health/health.ts';
import { Intake } from './intake.ts';
import type { LedgerChange } from './ledger/change.ts';
import { LedgerUnavailable, type PageCursor } from './ledger/home.ts';
import { layDocument } from './ledger/lay-document.ts';
import { Ledger } from './ledger/ledger.ts';
import { StudyHolds } from './ledger/study-holds.ts';
import { PatientKeys } from './patient-keys.ts';
import type { IntegrityOptions, IntegrityStats, LostInstances, StudyGeneration } from './ports.ts';
import { emptySeries, maxElsewhere } from './record/series-record.ts';
import type { StudyPage } from './record/study-page.ts';
import { noFacts, type StudyRecord } from './record/study-record.ts';
import { studyClosed, studyRevised } from './tell/study-events.ts';
import { overdueTelling } from './tell/tell-step.ts';
import { ToldRoots } from './tell/told-roots.ts';
import { defaultCommitOptions } from './verify/commit-schedule.ts';
import { Commitments } from './verify/commitments.ts';
import { Questions } from './verify/questions.ts';
import { defaultVerifyOptions, nextVerifyAt, type VerifyOptions } from './verify/verify-schedule.ts';

/** Between two looks at what is due. */
const tickMs = 1000;
const maxDuePerTick = 64;
const maxRoundsPerTick = 16;
/** While one node asks a destination, the others do not. */
const verifyLeaseMs = 120_000;
const removeEveryMs = 3_600_000;
const removeAtOnce = 200;
const studiesPerPage = 200;
/** Of studies with a loss; with more of them than that, the figure is a lower bound. */
const maxLostPages = 50;

export class Integrity {
  readonly ledger: Ledger;
  readonly #options: IntegrityOptions;
  readonly #evaluate: EvaluateOptions;
  readonly #questions: Questions;
  readonly #commitments: Commitments | undefined;
  readonly #clock: Clock;
  readonly #soon: (call: () => void) => void;
  readonly #roots: ToldRoots;
  readonly #intake: Intake;
  readonly #reader: DataSetReader;
  readonly #health: Health;
  readonly #holds: StudyHolds;
  #cancelTick: (() => void) | undefined;
  #looking: Promise<void> | undefined;
  #isStopped = false;
  #lookedAt = Number.POSITIVE_INFINITY;
  #removedAt = Number.NEGATIVE_INFINITY;
  #closedStudies = 0;
  #removedRecords = 0;
  #removedRows = 0;

  constructor(options: IntegrityOptions) {
    const { quietPeriodMs = 60_000, settleMs = 2000, studyRolloverMs = 86_400_000, clock = systemClock } = options;
    const lifetime = { quietPeriodMs, settleMs, studyRolloverMs };
    this.#options = options;
    this.#clock = clock;
    this.#soon = options.soon ?? ((call) => void setImmediate(call));
    const verify = verifyOptions(options);
    this.#evaluate = { ...lifetime, verify: options.find === undefined && options.commit === undefined ? undefined : verify };
    this.ledger = new Ledger({
      ...{ home: options.home, ...lifetime },
      ...(options.maxInstancesPerStudy === undefined ? {} : { maxInstancesPerStudy: options.maxInstancesPerStudy }),
    });
    this.#reader = options.reader ?? new ThreadReader();
    const asking = { ledger: this.ledger, clock, verify, publish: (event: TelemetryEvent | undefined) => this.#publish(event) };
    this.#commitments =
      options.commit === undefined
        ? undefined
        : new Commitments({ ...asking, reader: this.#reader, destination: options.commit.destination });
    const { find } = options;
    this.#questions = new Questions({ ...asking, find, commitments: this.#commitments, failed: (error) => this.#failed(error) });
    const told = (event: TelemetryEvent) => this.#tell(() => options.publish?.(event));
    const { home, node, health = {} } = options;
    this.#health = new Health({ home, ledger: this.ledger, reader: this.#reader, clock, node, publish: told }, health);
    this.#roots = new ToldRoots({ ledger: this.ledger, clock, publish: (event) => this.#publish(event), turn: () => this.#turn() });
    const patientKeys = new PatientKeys(options.siteKey);
    this.#holds = new StudyHolds(quietPeriodMs / 4);
    this.#intake = new Intake({
      ...{ ledger: this.ledger, reader: this.#reader, clock, node: options.node },
      patientKey: (id) => patientKeys.of(id),
      soon: this.#soon,
      maxQueuedEvents: options.maxQueuedEvents ?? 8192,
      failed: (error) => this.#failed(error),
      hear: (event) => {
        this.#health.hear(event);
        this.#holds.hear(event, clock.now());
      },
      read: ({ id }) => this.#commitments?.heard(id),
    });
  }

  /** Never throws, never waits. */
  get publish(): Publish {
    return this.#intake.publish;
  }

  /** Begins to look at what is due, every second. */
  start(): void {
    const next = () => {
      this.#cancelTick = this.#clock.after(tickMs, () => {
        void this.look().finally(() => {
          if (this.#cancelTick !== undefined) next();
        });
      });
    };
    next();
  }

  /** Looks at everything that is due now; what is to be asked of destinations is begun. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** As {@link look}, and waits for the answers. */
  async tick(): Promise<void> {
    await this.look();
    await this.#questions.answered();
  }

  /** Events about these studies were lost before they came here; `''`: about whichever. */
  lost(studyUids: Iterable<string>, since: number): void {
    this.#intake.lost(studyUids, since);
  }

  /** So were events about studies that nobody knows of any more: those that go on within a quiet period are marked. */
  lostUnknown(since: number): void {
    this.#intake.lostUnknown(since, this.#clock.now() + this.#evaluate.quietPeriodMs);
  }

  /** Of the whole ledger, by destination and modality. */
  async lostInstances(): Promise<readonly LostInstances[]> {
    const found = new Map<string, LostInstances>();
    let after: PageCursor | undefined;
    for (let pages = 0; pages < maxLostPages; pages += 1) {
      const { studies, next } = await this.ledger.list({ lostOnly: true }, after, studiesPerPage);
      for (const { destinationId, modality, lost } of studies.flatMap(({ loss = [] }) => loss)) {
        const key = `${destinationId} ${modality}`;
        if (lost > 0) found.set(key, { destinationId, modality, lost: lost + (found.get(key)?.lost ?? 0) });
      }
      if (next === undefined) break;
      after = next;
    }
    return [...found.values()];
  }

  /** Where the studies stand, those of the latest activity first. */
  async generations(limit: number): Promise<readonly StudyGeneration[]> {
    const found: StudyGeneration[] = [];
    let after: PageCursor | undefined;
    while (found.length < limit) {
      const { studies, next } = await this.ledger.list({}, after, studiesPerPage);
      for (const { uid, generation, state, closedAt } of studies)
        if (uid !== '') found.push({ uid, generation, closedAt: state === 'open' ? undefined : closedAt });
      if (next === undefined) break;
      after = next;
    }
    return found.slice(0, limit);
  }

  /** Everything that was published is in the ledger, or the home is away. */
  async flush(): Promise<void> {
    await this.#intake.flush();
    await this.#health.flush().catch((error: unknown) => this.#failed(error));
  }

  /** Writes what is left, and closes the home. Questions on their way are not waited for: they are asked again. */
  async stop(): Promise<void> {
    this.#cancelTick?.();
    this.#cancelTick = undefined;
    this.#questions.stop();
    this.#isStopped = true;
    await this.#looking;
    await this.flush();
    await this.#roots.mark(0).catch((error: unknown) => this.#failed(error));
    this.#intake.stop();
    await this.#reader.close();
    await this.ledger.close();
  }

  stats(): IntegrityStats {
    return {
      ...this.#intake.stats,
      closedStudies: this.#closedStudies,
      verifications: this.#questions.count,
      unwrittenTitles: this.#health.unwrittenTitles,
      removedRecords: this.#removedRecords,
      removedRows: this.#removedRows,
    };
  }

  async #lookAll(): Promise<void> {
    try {
      await this.#roots.mark();
      await this.#followClock();
      await this.#hold();
      for (let round = 0; round < maxRoundsPerTick; round += 1) {
        const { studyUids, documentIds } = await this.ledger.due(this.#clock.now(), maxDuePerTick);
        for (const work of [...documentIds.map((id) => () => this.#lay(id)), ...studyUids.map((uid) => () => this.#look(uid))]) {
          // It is due still, at the next start.
          if (this.#isStopped) return;
          await this.#guarded(work());
          // A home that answers at once never gives way: what came meanwhile, here and in what shares the thread, has its turn now.
          await this.#turn();
        }
        if (studyUids.length + documentIds.length < maxDuePerTick) break;
      }
      await this.#removeOld();
      await this.#health.tick();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** A clock that was ahead had studies wait until then; at a start nobody knows what it was before. */
  async #followClock(): Promise<void> {
    const now = this.#clock.now();
    if (now < this.#lookedAt) {
      for await (const uid of this.ledger.ahead(now)) {
        if (this.#isStopped) return;
        await this.#guarded(this.ledger.setBack(uid, now));
        await this.#turn();
      }
    }
    this.#lookedAt = now;
  }

  async #hold(): Promise<void> {
    const now = this.#clock.now();
    for (const uid of this.#holds.due(now)) {
      if (this.#isStopped) return;
      await this.#guarded(this.ledger.hold(uid, now));
      await this.#turn();
    }
  }

  /** One record that cannot be dealt with does not keep the others waiting. */
  async #guarded(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (error instanceof LedgerUnavailable) throw error;
      this.#failed(error);
    }
  }

  #lay(id: string): Promise<void> {
    return layDocument(this.ledger, id, this.#clock.now(), async (document, now) => this.#commitments?.lay(document, now));
  }

  async #look(studyUid: string): Promise<void> {
    const read = await this.ledger.read(studyUid);
    const now = this.#clock.now();
    if (read === undefined) return;
    const { page, revision } = read;
    // What is found elsewhere changes the study: it is due still, and looked at once more.
    if (page.study.dueAt === undefined || page.study.dueAt > now || (await this.#findElsewhere(page))) return;
    const overdue = overdueTelling(page.study, now);
    if (overdue !== undefined) {
      // It is due still, for what it is now.
      if (await this.ledger.replace({ ...page.study, telling: overdue }, revision)) this.#roots.tell(overdue, now);
      return;
    }
    const evaluation = evaluate(page, now, this.#evaluate);
    if (evaluation === undefined) return;
    const { closed, findings } = evaluation;
    const study = this.#leased(evaluation.study, now);
    // Whoever stores it first tells of it; what came meanwhile makes it due again.
    if (!(await this.ledger.replace(study, revision))) return;
    if (closed) {
      this.#closedStudies += 1;
      this.#tell(() => this.#options.listener?.closed?.(study, findings));
      this.#publish(studyClosed(study, page.study, findings, now));
    } else if (study.state !== 'open') {
      this.#tell(() => this.#options.listener?.revised?.(study, page.study));
      this.#publish(studyRevised(study, page.study, now));
    }
    const { telling } = study;
    if (telling?.leaseUntil !== undefined && telling.leaseUntil !== page.study.telling?.leaseUntil) this.#roots.tell(telling, now);
    for (const [destinationId, { nextAt }] of Object.entries(study.verify))
      if (nextAt !== undefined && nextAt <= now) this.#questions.ask(studyUid, destinationId);
  }

  /** While a destination is asked, the study is not due for others. */
  #leased(study: StudyRecord, now: number): StudyRecord {
    const nextAt = nextVerifyAt(study.verify);
    return study.state !== 'open' && nextAt !== undefined && nextAt <= now ? { ...study, dueAt: now + verifyLeaseMs } : study;
  }

  /** A series of one UID in two studies: both are told. True: this one was. */
  async #findElsewhere({ study, series }: StudyPage): Promise<boolean> {
    const found = await this.ledger.studiesOfSeries(series.map(({ uid }) => uid));
    const changes: LedgerChange[] = [];
    for (const { uid, elsewhere } of series) {
      // It has no room for another: of some modalities all studies have the same.
      if (elsewhere.length >= maxElsewhere) continue;
      const others = (found.get(uid) ?? []).filter((other) => other !== study.uid);
      const add = (studyUid: string, other: string) =>
        changes.push({ studyUid, facts: noFacts, series: { ...emptySeries(uid), elsewhere: [other] }, instances: [] });
      for (const other of others.slice(0, maxElsewhere)) {
        if (elsewhere.includes(other)) continue;
        add(study.uid, other);
        add(other, study.uid);
      }
    }
    if (changes.length === 0) return false;
    await this.ledger.apply(changes, this.#clock.now());
    return true;
  }

  async #removeOld(): Promise<void> {
    const { keepMs = 7_776_000_000 } = this.#options;
    const now = this.#clock.now();
    if (keepMs === 0 || now - this.#removedAt < removeEveryMs) return;
    const { records, rows } = await this.ledger.removeBefore(now - keepMs, removeAtOnce);
    this.#removedRecords += records;
    this.#removedRows += rows;
    // The rest at the next tick.
    if (records < removeAtOnce) this.#removedAt = now;
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#soon(resolve));
  }

  #publish(event: TelemetryEvent | undefined): void {
    if (event !== undefined) this.#tell(() => this.#options.publish?.(event));
  }

  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    try {
      this.#options.failed?.(error);
    } catch {
      // Whoever is told of failures must not make more.
    }
  }
}

function verifyOptions({ find, commit, verify }: IntegrityOptions): VerifyOptions {
  const { destination: _, isAsked, ...options } = commit ?? {};
  return {
    ...defaultVerifyOptions,
    finds: find !== undefined,
    ...(isAsked === undefined ? {} : { commits: isAsked, commit: { ...defaultCommitOptions, ...options } }),
    ...verify,
  };
}
