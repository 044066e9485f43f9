/**
 * Storage commitments that we ask for ourselves. A request is written down before it goes out, so that its report finds it whenever and wherever
 * it comes: on the same association, on one that the destination opens to any of our nodes, after a restart.
 *
 *   ask ──request in the ledger──> N-ACTION ──report here──┐
 *                                     └─ report elsewhere ──> document in the ledger, due ──> laid to the study
 */
import type { Clock, TelemetryEvent } from '@radiotracer/telemetry';
import type { DataSetReader } from '../data-set/plain-data-set.ts';
import { commitmentId, commitmentReport } from '../data-set/read-document.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { DocumentRecord } from '../record/document-record.ts';
import type { InstanceReference } from '../record/study-document.ts';
import type { StudyPage } from '../record/study-page.ts';
import { studyCommitted } from '../tell/study-committed.ts';
import type { CommitAnswer, CommitAtDestination, ReportDataSet } from './commit-at-destination.ts';
import { afterReport, asked, leftToFind, type Reported, unreported } from './commit-schedule.ts';
import { settle } from './settle.ts';
import { newTransactionUid } from './transaction-uid.ts';
import { delay, unreachable, type VerifyOptions } from './verify-schedule.ts';

export interface CommitmentsOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly reader: DataSetReader;
  readonly destination: CommitAtDestination;
  readonly verify: VerifyOptions;
  readonly publish: (event: TelemetryEvent | undefined) => void;
}

/** Requests to one destination of the last minute whose reports have not come: more, and it is let to work them off. */
const maxOpenRequests = 16;
const openForMs = 60_000;

interface OpenRequest {
  readonly destinationId: string;
  readonly askedAt: number;
  readonly heard: () => void;
}

export class Commitments {
  readonly #options: CommitmentsOptions;
  /** By the id of its document. */
  readonly #open = new Map<string, OpenRequest>();
  /** When the last of the studies that were put off is due, by destination. */
  readonly #slots = new Map<string, number>();

  constructor(options: CommitmentsOptions) {
    this.#options = options;
  }

  /** Asks, and waits for what is said to the request; `undefined`: nothing was asked. */
  async ask(page: StudyPage, destinationId: string, instances: readonly InstanceReference[]): Promise<CommitAnswer['kind'] | undefined> {
    const { ledger, clock, destination, publish, verify } = this.#options;
    const studyUid = page.study.uid;
    const askedAt = clock.now();
    if (this.#isBusy(destinationId, askedAt)) {
      const nextAt = this.#slotAfter(destinationId, askedAt);
      await this.#settle(studyUid, destinationId, (_, state) => state && { state: { ...state, nextAt }, places: new Map() });
      return undefined;
    }
    const transactionUid = newTransactionUid();
    const id = commitmentId(transactionUid);
    const times = { firstAt: askedAt, lastAt: askedAt };
    const requested = { at: askedAt, value: instances };
    await ledger.apply([{ document: { id, studyUids: [studyUid], destinationId, ...times, isOwn: true, requested } }], askedAt);
    const waiting = { transactionUid, askedAt, instances: instances.length };
    const isAsking = await this.#settle(studyUid, destinationId, (_, state) => {
      // Opened again, or asked by another node meanwhile.
      if (state?.method !== 'commitment' || state.commitment?.waiting !== undefined) return undefined;
      return { state: asked(state, waiting, askedAt, verify.commit), places: new Map() };
    });
    if (isAsking === undefined) return undefined;
    const heard = Promise.withResolvers<void>();
    this.#open.set(id, { destinationId, askedAt, heard: heard.resolve });
    const answer = await destination.ask(destinationId, { transactionUid, instances }, heard.promise);
    const endedAt = clock.now();
    if (answer.kind === 'asked') {
      if (answer.report !== undefined) await this.#take(id, answer.report, endedAt);
      return answer.kind;
    }
    this.#open.delete(id);
    await this.#settle(studyUid, destinationId, (_, state) => {
      if (state?.commitment?.waiting?.transactionUid !== transactionUid) return undefined;
      if (answer.kind === 'unsupported') return { state: leftToFind(state, 'unsupported', endedAt), places: new Map() };
      if (answer.kind === 'refused') return { state: unreported(state, endedAt, delay(1, verify), verify.commit), places: new Map() };
      const { waiting: _waiting, ...commitment } = state.commitment;
      return { state: unreachable({ ...state, commitment }, endedAt, verify), places: new Map() };
    });
    publish(studyCommitted(page, destinationId, { startedAt: askedAt, endedAt, result: answer.kind, asked: instances.length }));
    return answer.kind;
  }

  /** Its report has come, and is on its way into the ledger. */
  heard(documentId: string): void {
    this.#open.get(documentId)?.heard();
    this.#open.delete(documentId);
  }

  /** Lays the report of one of our requests to its study. */
  async lay(document: DocumentRecord, now: number): Promise<void> {
    const { publish, verify } = this.#options;
    const { id, destinationId, requested, answered, studyUids } = document;
    const [studyUid] = studyUids;
    if (studyUid === undefined || destinationId === undefined || requested === undefined || answered === undefined) return;
    this.heard(id);
    const transactionUid = id.slice(commitmentId('').length);
    let page: StudyPage | undefined;
    let reported: Reported | undefined;
    await this.#settle(studyUid, destinationId, (current) => {
      page = current;
      const delayMs = (rounds: number) => delay(rounds, verify);
      reported = afterReport(current, destinationId, transactionUid, requested.value, answered.value, now, delayMs, verify.commit);
      return reported;
    });
    if (page === undefined || reported?.state === undefined) return;
    const { missing, refused } = reported;
    const result = missing > 0 ? 'missing' : refused > 0 ? 'refused' : 'confirmed';
    const question = {
      startedAt: requested.at,
      endedAt: Math.max(requested.at, answered.at),
      result,
      asked: requested.value.length,
      missing,
    } as const;
    publish(studyCommitted(page, destinationId, question));
  }

  #isBusy(destinationId: string, now: number): boolean {
    let open = 0;
    for (const [id, request] of this.#open) {
      if (now - request.askedAt > openForMs) this.#open.delete(id);
      else if (request.destinationId === destinationId) open += 1;
    }
    return open >= maxOpenRequests;
  }

  /** Those that are put off come one after the other, as fast as it may be asked: not all at once, time and again. */
  #slotAfter(destinationId: string, now: number): number {
    const slot = Math.max(now, this.#slots.get(destinationId) ?? 0) + Math.ceil(openForMs / maxOpenRequests);
    this.#slots.set(destinationId, slot);
    return slot;
  }

  async #take(id: string, { bytes, transferSyntaxUid }: ReportDataSet, at: number): Promise<void> {
    const dataSet = await this.#options.reader.read(bytes, transferSyntaxUid);
    // As if it had not come: it is asked once more.
    if (dataSet === undefined) return;
    const answered = { at, value: commitmentReport(dataSet) };
    await this.#options.ledger.apply([{ document: { id, studyUids: [], lastAt: at, answered } }], at);
  }

  #settle(studyUid: string, destinationId: string, after: Parameters<typeof settle>[4]) {
    return settle(this.#options.ledger, this.#options.clock.now(), studyUid, destinationId, after);
  }
}
