/**
 * What was to come, what came, what arrived. Reads the events that all stages publish, keeps a ledger of every study, and looks at a study
 * when it has gone quiet, when something more is known of it, and when a destination is to be asked what it has.
 */
import { type Clock, type Publish, systemClock, type TelemetryEvent } from '@radiotracer/telemetry';
import type { DataSetReader } from './data-set/plain-data-set.ts';
import { ThreadReader } from './data-set/thread-reader.ts';
import { type EvaluateOptions, evaluate } from './evaluate.ts';
import { Health, type HealthOptions } from './health/health.ts';
import { Intake, type IntakeStats } from './intake.ts';
import type { LedgerChange } from './ledger/change.ts';
import { type LedgerHome, LedgerUnavailable, type PageCursor } from './ledger/home.ts';
import { Ledger } from './ledger/ledger.ts';
import { PatientKeys } from './patient-keys.ts';
import { attribute } from './record/attribute.ts';
import { namedUids } from './record/document-record.ts';
import { emptyInstance, mergeInstances } from './record/instance-record.ts';
import { emptySeries } from './record/series-record.ts';
import type { StudyPage } from './record/study-page.ts';
import { noFacts, type StudyRecord } from './record/study-record.ts';
import type { StudyTelling } from './record/study-telling.ts';
import type { VerifyState } from './record/verify-state.ts';
import { studyClosed, studyRevised } from './tell/study-events.ts';
import { studyVerified } from './tell/study-verified.ts';
import { overdueTelling } from './tell/tell-step.ts';
import type { Finding } from './verdict/finding.ts';
import type { FindAtDestination } from './verify/find-at-destination.ts';
import {
  afterCount,
  afterInstances,
  defaultVerifyOptions,
  nextVerifyAt,
  type VerifyOptions,
  verifyStep,
} from './verify/verify-schedule.ts';

/** Told once for each, by the node that looked; not again after a crash in between. */
export interface IntegrityListener {
  /** A study was closed: its verdict, findings and loss stand in it. */
  closed?(study: StudyRecord, findings: readonly Finding[]): void;
  /** Something more became known of a closed study: a delivery, an answer of its destination. */
  revised?(study: StudyRecord, before: StudyRecord): void;
}

export interface IntegrityOptions {
  readonly home: LedgerHome;
  /** Secret; the same on every node of a site. */
  readonly siteKey: Uint8Array;
  /** Name of this node; the same after a restart. */
  readonly node: string;
  readonly listener?: IntegrityListener;
  /**
   * Is told `study.closed`, `study.revised`, `study.verified` and `study.told`, each by the node that stored it; and what becomes of modalities,
   * `source.observed` and `worklist.unfollowed`.
   */
  readonly publish?: Publish;
  readonly health?: HealthOptions;
  /** Undefined: destinations are not asked. */
  readonly find?: FindAtDestination | undefined;
  /** Default 60 s. */
  readonly quietPeriodMs?: number;
  /** Default 2 s. */
  readonly settleMs?: number;
  /** Default 24 h. */
  readonly studyRolloverMs?: number;
  /** `integrity.keep`. Default 90 days. 0: for ever. */
  readonly keepMs?: number;
  readonly verify?: Partial<VerifyOptions>;
  /** Default 8192. */
  readonly maxQueuedEvents?: number;
  readonly maxInstancesPerStudy?: number;
  /** Default: a thread of its own. */
  readonly reader?: DataSetReader;
  readonly clock?: Clock;
  /** Default `setImmediate`. */
  readonly soon?: (call: () => void) => void;
  /** Told what went wrong; it is tried again. */
  readonly failed?: (error: unknown) => void;
}

/** Instances that are lost now. */
export interface LostInstances {
  readonly destinationId: string;
  /** `''`: not known. */
  readonly modality: string;
  readonly lost: number;
}

/** Where a study stands that is to be remembered elsewhere. */
export interface StudyGeneration {
  readonly uid: string;
  readonly generation: number;
  /** Undefined: it is open. */
  readonly closedAt: number | undefined;
}

export interface IntegrityStats extends IntakeStats {
  readonly closedStudies: number;
  readonly verifications: number;
  /** Records and rows that were let go because of their age. */
  readonly removedRecords: number;
  readonly removedRows: number;
}

/** Between two looks at what is due. */
const tickMs = 1000;
const maxDuePerTick = 64;
const maxRoundsPerTick = 16;
/** While one node asks a destination, the others do not. */
const verifyLeaseMs = 120_000;
const documentFirstDelayMs = 1000;
const documentLongestDelayMs = 600_000;
const documentGiveUpMs = 86_400_000;
const removeEveryMs = 3_600_000;
const removeAtOnce = 200;
const uidsAtOnce = 500;
const studiesPerPage = 200;
/** Of studies with a loss; with more of them than that, the figure is a lower bound. */
const maxLostPages = 50;
/** Questions that wait in line, over all destinations. */
const maxAsking = 256;
const silentMs = 30_000;
/** After so long what was told has left the process. */
const tellSureMs = 10_000;

export class Integrity {
  readonly ledger: Ledger;
  readonly #options: IntegrityOptions;
  readonly #evaluate: EvaluateOptions;
  readonly #verifyOptions: VerifyOptions;
  readonly #clock: Clock;
  readonly #intake: Intake;
  readonly #reader: DataSetReader;
  readonly #health: Health;
  #cancelTick: (() => void) | undefined;
  #looking: Promise<void> | undefined;
  /** Questions on their way, or in line for one: by destination and study. */
  readonly #asking = new Map<string, Promise<void>>();
  /** The last in line, by destination. */
  readonly #lines = new Map<string, Promise<void>>();
  readonly #silentUntil = new Map<string, number>();
  #isStopped = false;
  #removedAt = Number.NEGATIVE_INFINITY;
  /** Told by this node, and not marked so yet: by study and generation, since when. */
  readonly #told = new Map<string, { readonly studyUid: string; readonly generation: number; readonly at: number }>();
  #closedStudies = 0;
  #verifications = 0;
  #removedRecords = 0;
  #removedRows = 0;

  constructor(options: IntegrityOptions) {
    const { quietPeriodMs = 60_000, settleMs = 2000, studyRolloverMs = 86_400_000, clock = systemClock } = options;
    const lifetime = { quietPeriodMs, settleMs, studyRolloverMs };
    this.#options = options;
    this.#clock = clock;
    this.#verifyOptions = { ...defaultVerifyOptions, ...options.verify };
    this.#evaluate = { ...lifetime, verify: options.find === undefined ? undefined : this.#verifyOptions };
    this.ledger = new Ledger({
      ...{ home: options.home, ...lifetime },
      ...(options.maxInstancesPerStudy === undefined ? {} : { maxInstancesPerStudy: options.maxInstancesPerStudy }),
    });
    this.#reader = options.reader ?? new ThreadReader();
    const told = (event: TelemetryEvent) => this.#tell(() => options.publish?.(event));
    const { home, node, health = {} } = options;
    this.#health = new Health({ home, ledger: this.ledger, reader: this.#reader, clock, node, publish: told }, health);
    const patientKeys = new PatientKeys(options.siteKey);
    this.#intake = new Intake({
      ...{ ledger: this.ledger, reader: this.#reader, clock, node: options.node },
      patientKey: (id) => patientKeys.of(id),
      soon: options.soon ?? ((call) => void setImmediate(call)),
      maxQueuedEvents: options.maxQueuedEvents ?? 8192,
      failed: (error) => this.#failed(error),
      hear: (event) => this.#health.hear(event),
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
    await Promise.all(this.#asking.values());
  }

  /** Events about these studies were lost before they came here; `''`: about whichever. */
  lost(studyUids: Iterable<string>, since: number): void {
    this.#intake.lost(studyUids, since);
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
    this.#isStopped = true;
    await this.#looking;
    await this.flush();
    await this.#markTold(0).catch((error: unknown) => this.#failed(error));
    this.#intake.stop();
    await this.#reader.close();
    await this.ledger.close();
  }

  stats(): IntegrityStats {
    return {
      ...this.#intake.stats,
      closedStudies: this.#closedStudies,
      verifications: this.#verifications,
      removedRecords: this.#removedRecords,
      removedRows: this.#removedRows,
    };
  }

  async #lookAll(): Promise<void> {
    try {
      await this.#markTold(tellSureMs);
      for (let round = 0; round < maxRoundsPerTick; round += 1) {
        const { studyUids, documentIds } = await this.ledger.due(this.#clock.now(), maxDuePerTick);
        for (const id of documentIds) await this.#guarded(this.#lay(id));
        for (const studyUid of studyUids) await this.#guarded(this.#look(studyUid));
        if (studyUids.length + documentIds.length < maxDuePerTick) break;
      }
      await this.#removeOld();
      await this.#health.tick();
    } catch (error) {
      this.#failed(error);
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

  /** Lays a document to the studies that it speaks of, as far as they are known. */
  async #lay(id: string): Promise<void> {
    const document = await this.ledger.document(id);
    const now = this.#clock.now();
    if (document?.dueAt === undefined || document.dueAt > now) return;
    const whereIs = new Map<string, string>();
    const uids = namedUids(document);
    for (let at = 0; at < uids.length; at += uidsAtOnce) {
      const found = await this.ledger.studiesOfInstances(uids.slice(at, at + uidsAtOnce));
      for (const [uid, [studyUid]] of found) if (studyUid !== undefined) whereIs.set(uid, studyUid);
    }
    const { studies, isOpen } = attribute(document, whereIs);
    const { firstAt = now, lastAt = now, callingAeTitle, destinationId, answered } = document;
    const answeredAt = answered?.at ?? lastAt;
    const changes = studies.map(({ studyUid, document: said, kept, failed }): LedgerChange => {
      const callingAeTitles = callingAeTitle === undefined ? [] : [callingAeTitle];
      return {
        studyUid,
        facts: { ...noFacts, callingAeTitles, firstAt, lastAt },
        document: said,
        // Whose answer it is, the request says; until that is seen it waits.
        instances:
          destinationId === undefined
            ? []
            : [
                ...kept.map((uid) => ({ ...emptyInstance(uid), at: { [destinationId]: { confirmedAt: answeredAt } } })),
                ...failed.map(({ uid, reason }) => ({ ...emptyInstance(uid), at: { [destinationId]: { commitFailure: reason } } })),
              ],
      };
    });
    await this.ledger.apply(changes, now);
    await this.ledger.updateDocument(id, (current) => {
      if (current.lastAt !== document.lastAt || current.attempts !== document.attempts) return undefined;
      const { dueAt: _, ...rest } = current;
      const attempts = current.attempts + 1;
      const delayMs = Math.min(documentFirstDelayMs * 2 ** Math.min(current.attempts, 20), documentLongestDelayMs);
      const again = isOpen && now - firstAt < documentGiveUpMs;
      return { ...rest, attempts, ...(again ? { dueAt: now + delayMs } : {}) };
    });
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
      if (await this.ledger.replace({ ...page.study, telling: overdue }, revision)) this.#tellRoot(overdue, now);
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
    if (telling?.leaseUntil !== undefined && telling.leaseUntil !== page.study.telling?.leaseUntil) this.#tellRoot(telling, now);
    for (const [destinationId, { nextAt }] of Object.entries(study.verify))
      if (nextAt !== undefined && nextAt <= now) this.#ask(studyUid, destinationId);
  }

  /** One question to a destination at a time: one that does not answer keeps nothing waiting but questions to itself. */
  #ask(studyUid: string, destinationId: string): void {
    const key = `${destinationId} ${studyUid}`;
    // What finds no place in line is due again when its lease is over.
    if (this.#asking.has(key) || this.#asking.size >= maxAsking) return;
    const before = this.#lines.get(destinationId) ?? Promise.resolve();
    const line = before
      .then(() => (this.#isStopped ? undefined : this.#verify(studyUid, destinationId)))
      .catch((error: unknown) => {
        if (!this.#isStopped) this.#failed(error);
      })
      .finally(() => {
        this.#asking.delete(key);
        if (this.#lines.get(destinationId) === line) this.#lines.delete(destinationId);
      });
    this.#asking.set(key, line);
    this.#lines.set(destinationId, line);
  }

  /** While a destination is asked, the study is not due for others. */
  #leased(study: StudyRecord, now: number): StudyRecord {
    const nextAt = nextVerifyAt(study.verify);
    return study.state !== 'open' && nextAt !== undefined && nextAt <= now ? { ...study, dueAt: now + verifyLeaseMs } : study;
  }

  async #verify(studyUid: string, destinationId: string): Promise<void> {
    const { find } = this.#options;
    const page = await this.ledger.page(studyUid);
    const state = page?.study.verify[destinationId];
    const startedAt = this.#clock.now();
    if (find === undefined || page === undefined || state?.nextAt === undefined || state.nextAt > startedAt) return;
    const options = this.#verifyOptions;
    const step = verifyStep(page, destinationId, state, startedAt, options);
    if (step.kind === 'state') {
      await this.#settle(studyUid, destinationId, () => ({ state: step.state, places: new Map() }));
      return;
    }
    // Whoever did not answer a moment ago is not waited for again, study after study.
    const isSilent = (this.#silentUntil.get(destinationId) ?? 0) > startedAt;
    if (!isSilent) this.#verifications += 1;
    const answer = isSilent
      ? ({ kind: 'unreachable' } as const)
      : step.kind === 'instances'
        ? await find.instances(destinationId, studyUid, step.seriesUids)
        : await find.count(destinationId, studyUid);
    const endedAt = this.#clock.now();
    if (answer.kind !== 'unreachable') this.#silentUntil.delete(destinationId);
    else if (!isSilent) this.#silentUntil.set(destinationId, endedAt + silentMs);
    const after = await this.#settle(studyUid, destinationId, (current) =>
      answer.kind === 'counted' || (step.kind === 'count' && answer.kind !== 'found')
        ? { state: afterCount(current, destinationId, state, answer, endedAt, options), places: new Map() }
        : afterInstances(current, destinationId, state, answer, endedAt, options),
    );
    if (!isSilent) this.#publish(studyVerified(page, destinationId, { startedAt, endedAt, answer: answer.kind, after }));
  }

  /** Returns where it stands then; undefined: it was opened again. */
  async #settle(
    studyUid: string,
    destinationId: string,
    after: (page: StudyPage) => ReturnType<typeof afterInstances>,
  ): Promise<VerifyState | undefined> {
    const update = await this.ledger.update(studyUid, (page) => {
      // Opened again meanwhile: it will be asked about as a whole.
      if (page.study.verify[destinationId] === undefined) return undefined;
      const { state, places } = after(page);
      const verify = { ...page.study.verify, [destinationId]: state };
      const instances = page.instances.flatMap((instance) => {
        const place = places.get(instance.uid);
        return place === undefined ? [] : [mergeInstances(instance, { ...emptyInstance(instance.uid), at: { [destinationId]: place } })];
      });
      // Looked at once more, for its figures.
      const dueAt = page.study.state === 'open' ? page.study.dueAt : this.#clock.now();
      return { study: { ...page.study, verify, ...(dueAt === undefined ? {} : { dueAt }) }, instances };
    });
    return update?.study.verify[destinationId];
  }

  /** A series of one UID in two studies: both are told. True: this one was. */
  async #findElsewhere({ study, series }: StudyPage): Promise<boolean> {
    const found = await this.ledger.studiesOfSeries(series.map(({ uid }) => uid));
    const changes: LedgerChange[] = [];
    for (const { uid, elsewhere } of series) {
      const others = (found.get(uid) ?? []).filter((other) => other !== study.uid);
      const add = (studyUid: string, other: string) =>
        changes.push({ studyUid, facts: noFacts, series: { ...emptySeries(uid), elsewhere: [other] }, instances: [] });
      for (const other of others.slice(0, 8)) {
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

  #tellRoot({ event, generation }: StudyTelling, at: number): void {
    if (event === undefined) return;
    const { studyInstanceUid: studyUid } = event;
    this.#publish(event);
    this.#told.set(`${studyUid} ${generation}`, { studyUid, generation, at });
  }

  /** What was told so long ago. */
  async #markTold(sinceMs: number): Promise<void> {
    const now = this.#clock.now();
    for (const [key, { studyUid, generation, at }] of this.#told) {
      if (now - at < sinceMs) continue;
      await this.ledger.updateHead(studyUid, (study) =>
        study.telling?.generation === generation && !study.telling.told ? { ...study, telling: { generation, told: true } } : undefined,
      );
      this.#told.delete(key);
    }
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
