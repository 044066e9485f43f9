/**
 * Where events wait to be written down. Publishing costs one assignment; the ring is emptied a few events at a time between turns of the event
 * loop, and what comes of them is written some 50 ms later, together.
 *
 *   publish ──> ring ──between turns──> changes ──50 ms, or 256──> ledger
 *                └ full: counted, and the studies concerned are marked
 */
import { type Clock, EventRing, type TelemetryEvent } from '@radiotracer/telemetry';
import type { DataSetReader } from './data-set/plain-data-set.ts';
import { readDocument } from './data-set/read-document.ts';
import type { LedgerChange, StudyChange } from './ledger/change.ts';
import type { Ledger } from './ledger/ledger.ts';
import { isDocument, isOfInterest, isOfStudies, type ObserveOptions, observe, studyOf } from './observe.ts';
import type { DocumentFacts } from './record/document-record.ts';
import { noFacts } from './record/study-record.ts';

export interface IntakeOptions extends ObserveOptions {
  readonly ledger: Ledger;
  readonly reader: DataSetReader;
  readonly clock: Clock;
  /** Runs a call soon, after pending I/O. */
  readonly soon: (call: () => void) => void;
  /** Events that wait to be looked at. */
  readonly maxQueuedEvents: number;
  readonly failed: (error: unknown) => void;
  /** Is told every event, when its turn comes. */
  readonly hear: (event: TelemetryEvent) => void;
  /** Is told every document that was read, before it is written down. */
  readonly read: (document: DocumentFacts) => void;
}

export interface IntakeStats {
  readonly published: number;
  readonly queued: number;
  /** Found no room; the studies concerned are marked as incomplete. */
  readonly dropped: number;
  /** Changes that wait to be written. */
  readonly unwritten: number;
  readonly batches: number;
  readonly changes: number;
  /** Small data sets that could not be read. */
  readonly unreadable: number;
  readonly errors: number;
}

const gatherMs = 50;
const maxBatchChanges = 256;
/** Of a batch, in one transaction; between two of them what shares the thread has its turn. */
const changesPerWrite = 256;
/** While the home is away changes wait here, then events in the ring. */
const maxUnwritten = 4096;
const retryMs = 1000;
const maxEventsPerTurn = 16;
const waitingPerEvent = 32;
/** Studies that are remembered for events of theirs that were lost; past it, all that are seen until the next write are marked. */
const maxMarked = 1000;

export class Intake {
  readonly #options: IntakeOptions;
  readonly #ring: EventRing;
  #unwritten: LedgerChange[] = [];
  readonly #reading = new Set<Promise<void>>();
  readonly #marked = new Map<string, number>();
  #markedAllSince: number | undefined;
  #unknown: { readonly since: number; readonly until: number } | undefined;
  #isScheduled = false;
  #writing: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #published = 0;
  #batches = 0;
  #changes = 0;
  #unreadable = 0;
  #errors = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#ring = new EventRing(options.maxQueuedEvents);
  }

  /** Never throws, never waits. */
  readonly publish = (event: TelemetryEvent): void => {
    try {
      if (!isOfInterest(event)) return;
      this.#published += 1;
      if (this.#ring.push(event)) this.#schedule();
      else this.#lost(event);
    } catch {
      this.#errors += 1;
    }
  };

  /** Events about these studies were lost before they came here; `''`: about whichever. */
  lost(studyUids: Iterable<string>, since: number): void {
    for (const studyUid of studyUids) if (studyUid === '' || !this.#mark(studyUid, since)) this.#markedAllSince ??= since;
    this.#arm(gatherMs);
  }

  /** So were events about studies that nobody knows of any more: those of which something comes until then are marked. */
  lostUnknown(since: number, until: number): void {
    this.#unknown = { since: Math.min(this.#unknown?.since ?? since, since), until };
    for (const change of this.#unwritten) this.#doubt(change);
  }

  get stats(): IntakeStats {
    return {
      published: this.#published,
      queued: this.#ring.size,
      dropped: this.#ring.dropped,
      unwritten: this.#unwritten.length,
      batches: this.#batches,
      changes: this.#changes,
      unreadable: this.#unreadable,
      errors: this.#errors,
    };
  }

  /** Everything that was published is written, or the home is away. */
  async flush(): Promise<void> {
    do {
      while (this.#ring.size > 0) this.#look();
      await Promise.all(this.#reading);
      await this.#write();
    } while (this.#ring.size > 0 || this.#reading.size > 0);
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#ring.size === 0 || this.#unwritten.length >= maxUnwritten) return;
    this.#isScheduled = true;
    this.#options.soon(() => {
      this.#isScheduled = false;
      const count = Math.min(maxEventsPerTurn, Math.ceil(this.#ring.size / waitingPerEvent));
      for (let done = 0; done < count; done += 1) this.#look();
      if (this.#unwritten.length >= maxBatchChanges) void this.#write();
      else this.#arm(gatherMs);
      this.#schedule();
    });
  }

  #look(): void {
    const event = this.#ring.shift();
    if (event === undefined) return;
    try {
      this.#options.hear(event);
      const change = observe(event, this.#options);
      if (change !== undefined) this.#add(change);
      else if (event.type === 'operation.ended' && isDocument(event)) this.#read(event);
    } catch (error) {
      this.#errors += 1;
      this.#options.failed(error);
    }
  }

  #read(event: Extract<TelemetryEvent, { type: 'operation.ended' }>): void {
    const reading = readDocument(event, this.#options.reader)
      .then(
        (document) => {
          if (document === undefined) this.#unreadable += 1;
          else {
            this.#add({ document });
            this.#options.read(document);
          }
        },
        () => {
          this.#unreadable += 1;
        },
      )
      .finally(() => {
        this.#reading.delete(reading);
        this.#arm(gatherMs);
      });
    this.#reading.add(reading);
  }

  #add(change: LedgerChange): void {
    this.#doubt(change);
    this.#unwritten.push(change);
  }

  #doubt(change: LedgerChange): void {
    if (!('studyUid' in change)) return;
    const since = this.#markedAllSince ?? this.#unknownSince(change);
    if (since !== undefined) this.#mark(change.studyUid, since);
  }

  #unknownSince({ instances }: StudyChange): number | undefined {
    if (this.#unknown === undefined) return undefined;
    if (this.#options.clock.now() >= this.#unknown.until) this.#unknown = undefined;
    // What is delivered now says nothing of what came then.
    return instances.some(({ receivedAt }) => receivedAt !== undefined) ? this.#unknown?.since : undefined;
  }

  #lost(event: TelemetryEvent): void {
    if (!isOfStudies(event)) return;
    const at = this.#options.clock.now();
    const studyUid = studyOf(event);
    if (studyUid === undefined || !this.#mark(studyUid, at)) this.#markedAllSince ??= at;
    this.#schedule();
  }

  #mark(studyUid: string, at: number): boolean {
    if (!this.#marked.has(studyUid)) {
      if (this.#marked.size >= maxMarked) return false;
      this.#marked.set(studyUid, at);
    }
    return true;
  }

  #arm(delayMs: number): void {
    if (this.#cancelTimer !== undefined || this.#writing !== undefined) return;
    if (this.#unwritten.length === 0 && this.#marked.size === 0) return;
    this.#cancelTimer = this.#options.clock.after(delayMs, () => {
      this.#cancelTimer = undefined;
      void this.#write();
    });
  }

  /** One at a time. */
  async #write(): Promise<void> {
    if (this.#writing !== undefined) return this.#writing;
    this.stop();
    this.#writing = this.#writeAll();
    const isWritten = await this.#writing.then(
      () => true,
      () => false,
    );
    this.#writing = undefined;
    this.#arm(isWritten ? gatherMs : retryMs);
    this.#schedule();
  }

  async #writeAll(): Promise<void> {
    this.#markStudies();
    while (this.#unwritten.length > 0) {
      const batch = this.#unwritten.splice(0, changesPerWrite);
      try {
        await this.#options.ledger.apply(batch, this.#options.clock.now());
        this.#batches += 1;
        this.#changes += batch.length;
        if (this.#unwritten.length > 0) await new Promise<void>((resolve) => this.#options.soon(resolve));
      } catch (error) {
        // What is written twice changes nothing.
        this.#unwritten = [...batch, ...this.#unwritten];
        this.#errors += 1;
        this.#options.failed(error);
        throw error;
      }
    }
  }

  #markStudies(): void {
    if (this.#ring.size === 0) this.#markedAllSince = undefined;
    for (const [studyUid, incompleteSince] of this.#marked)
      this.#unwritten.push({ studyUid, facts: { ...noFacts, incompleteSince, lastAt: incompleteSince }, instances: [] });
    this.#marked.clear();
  }
}
