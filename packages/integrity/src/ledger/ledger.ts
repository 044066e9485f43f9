/**
 * The ledger: what was seen of every study, in a home that outlives the process. It is never on the path of an image, and keeps nothing in
 * memory: a study that is open costs its rows in the home.
 *
 *   changes ──gathered──> load ──> merge ──> store, if nobody stored meanwhile ──stale──> load again
 *
 * Merges do not depend on order or repetition (fold.ts), so that several nodes may write to one home, and a write whose outcome is not known
 * may be written again. What must be done once (closing a study) is the store that found the revision it had read.
 */
import { type DocumentRecord, mergeDocument, newDocument } from '../record/document-record.ts';
import { emptyInstance, type InstanceRecord, mergeInstances } from '../record/instance-record.ts';
import { emptySeries, mergeSeries, type SeriesRecord } from '../record/series-record.ts';
import { laterDocument, type StudyDocument } from '../record/study-document.ts';
import type { StudyPage } from '../record/study-page.ts';
import { maxValues, mergeFacts, newStudy, noFacts, type StudyRecord } from '../record/study-record.ts';
import { STUDY_STATES, type StudyState } from '../record/verdict-record.ts';
import type { LedgerChange, StudyChange } from './change.ts';
import { type LedgerHome, LedgerUnavailable, type PageCursor, type RecordWrite, type StoredRecord } from './home.ts';
import { type Arrival, afterChange, afterHold, afterSetBack, type LifetimeOptions } from './lifetime.ts';
import { RecentKeys } from './recent-keys.ts';

export interface LedgerOptions extends LifetimeOptions {
  readonly home: LedgerHome;
  /** Rows of instances of one study; what is more is counted only. Default 50,000. */
  readonly maxInstancesPerStudy?: number;
  /** Of the rows of its documents, which are read as a whole; what is more is counted only. Default 16 MiB: some hundred thousand references. */
  readonly maxDocumentBytesPerStudy?: number;
}

export interface StudyFilter {
  readonly states?: readonly StudyState[];
  /** Of the last activity; milliseconds since the epoch. `until` is not included. */
  readonly from?: number;
  readonly until?: number;
  /** Only those with instances that are lost. */
  readonly lostOnly?: boolean;
}

export interface StudyListing {
  readonly studies: readonly StudyRecord[];
  /** Where the next page begins; undefined: this was the last. */
  readonly next: PageCursor | undefined;
}

/** Tried again so often when others write the same record. */
const maxTries = 16;
const defaultMaxInstances = 50_000;
const defaultMaxDocumentBytes = 16 * 1024 * 1024;
const documentShelf = 'document';
/** Long after a study was written it may have been let go; no home lets go of it within this. */
const recentMs = 15 * 60_000;
const maxRecentKeys = 4096;
const aheadPerPage = 64;

const studyKey = (uid: string) => `s:${uid}`;
const documentKey = (id: string) => `d:${id}`;
const instanceRow = (uid: string) => `i:${uid}`;
const seriesRow = (uid: string) => `s:${uid}`;
const documentRow = (id: string) => `d:${id}`;
const lostShelf = (state: StudyState) => `${state}:lost`;
/** Empty: that it is there finds the study. */
const accessionRow = (accessionNumber: string) => `a:${accessionNumber}`;

export class Ledger {
  readonly #home: LedgerHome;
  readonly #options: LedgerOptions;
  readonly #recent = new RecentKeys(maxRecentKeys, recentMs);

  constructor(options: LedgerOptions) {
    this.#home = options.home;
    this.#options = options;
  }

  /** Writes down what was seen. @throws LedgerUnavailable: then some of it may be written; all may be written again. */
  async apply(changes: readonly LedgerChange[], now: number): Promise<void> {
    let left = Map.groupBy(changes, (change) => ('studyUid' in change ? studyKey(change.studyUid) : documentKey(change.document.id)));
    for (let tries = 0; left.size > 0; tries += 1) {
      if (tries === maxTries) throw new LedgerUnavailable('busy', 'others write the same studies all the time');
      const keys = [...left];
      const stored = await this.#home.load(keys.map(([key, some]) => ({ key, rows: rowsOf(some) })));
      const writes = keys.flatMap(([key, some], index) => this.#merged(key, some, stored[index] as StoredRecord, now) ?? []);
      const results = await this.#home.store(writes);
      for (const [index, { key }] of writes.entries()) if (results[index] === 'stored') this.#recent.add(key, now);
      const stale = new Set(writes.filter((_, index) => results[index] === 'stale').map(({ key }) => key));
      left = new Map(keys.filter(([key]) => stale.has(key)));
    }
  }

  /** What is due, of both kinds. */
  async due(now: number, limit: number): Promise<{ readonly studyUids: readonly string[]; readonly documentIds: readonly string[] }> {
    const keys = await this.#home.due(now, limit);
    const of = (prefix: string) => keys.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
    return { studyUids: of('s:'), documentIds: of('d:') };
  }

  /** A study alone: none of its rows is read. */
  async study(studyUid: string): Promise<StudyRecord | undefined> {
    const [stored] = await this.#home.load([{ key: studyKey(studyUid), rows: [] }]);
    return stored?.head === undefined ? undefined : (JSON.parse(stored.head) as StudyRecord);
  }

  async page(studyUid: string): Promise<StudyPage | undefined> {
    return (await this.#load(studyUid))?.page;
  }

  async document(id: string): Promise<DocumentRecord | undefined> {
    const [stored] = await this.#home.load([{ key: documentKey(id), rows: [] }]);
    return stored?.head === undefined ? undefined : (JSON.parse(stored.head) as DocumentRecord);
  }

  /** All that is known of a study, and at which revision. */
  read(studyUid: string): Promise<{ readonly revision: number; readonly page: StudyPage } | undefined> {
    return this.#load(studyUid);
  }

  /** Stores what follows from what was read; false: somebody wrote meanwhile, and nothing was stored. */
  async replace(study: StudyRecord, revision: number): Promise<boolean> {
    const [result] = await this.#home.store([studyWrite(study, revision, new Map(), [])]);
    return result === 'stored';
  }

  /**
   * Changes a study by what is known of all of it. `change` may be called again when others wrote meanwhile; undefined: leave it.
   * Returns what was stored; undefined: nothing was, or there is no such study.
   */
  async update(studyUid: string, change: (page: StudyPage) => StudyUpdate | undefined): Promise<StudyUpdate | undefined> {
    for (let tries = 0; tries < maxTries; tries += 1) {
      const loaded = await this.#load(studyUid);
      if (loaded === undefined) return undefined;
      const update = change(loaded.page);
      if (update === undefined) return undefined;
      const rows = new Map((update.instances ?? []).map((instance) => [instanceRow(instance.uid), JSON.stringify(instance)]));
      const [result] = await this.#home.store([studyWrite(update.study, loaded.revision, rows, [])]);
      if (result === 'stored') return update;
    }
    throw new LedgerUnavailable('busy', 'others write the same study all the time');
  }

  /** As {@link update}, by the study alone: none of its rows is read. */
  async updateHead(studyUid: string, change: (study: StudyRecord) => StudyRecord | undefined): Promise<void> {
    for (let tries = 0; tries < maxTries; tries += 1) {
      const [stored] = await this.#home.load([{ key: studyKey(studyUid), rows: [] }]);
      if (stored?.head === undefined) return;
      const changed = change(JSON.parse(stored.head) as StudyRecord);
      if (changed === undefined || (await this.replace(changed, stored.revision))) return;
    }
    throw new LedgerUnavailable('busy', 'others write the same study all the time');
  }

  /** As {@link update}, of a document. */
  async updateDocument(id: string, change: (document: DocumentRecord) => DocumentRecord | undefined): Promise<void> {
    for (let tries = 0; tries < maxTries; tries += 1) {
      const [stored] = await this.#home.load([{ key: documentKey(id), rows: [] }]);
      if (stored?.head === undefined) return;
      const changed = change(JSON.parse(stored.head) as DocumentRecord);
      if (changed === undefined) return;
      const [result] = await this.#home.store([documentWrite(changed, stored.revision)]);
      if (result === 'stored') return;
    }
    throw new LedgerUnavailable('busy', 'others write the same document all the time');
  }

  /** The studies that have an instance of this UID, by UID; those that there are. */
  async studiesOfInstances(uids: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.#studiesOf(uids, instanceRow);
  }

  async studiesOfSeries(uids: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.#studiesOf(uids, seriesRow);
  }

  /** The studies that name this Accession Number. */
  async studiesOfAccession(accessionNumber: string): Promise<readonly string[]> {
    return (await this.#studiesOf([accessionNumber], accessionRow)).get(accessionNumber) ?? [];
  }

  /** Latest activity first. @param limit at most so many. */
  async list(filter: StudyFilter, after: PageCursor | undefined, limit: number): Promise<StudyListing> {
    const range = { from: filter.from ?? 0, until: filter.until ?? Number.MAX_SAFE_INTEGER };
    const states = filter.states ?? STUDY_STATES;
    const shelves = [...states.map(lostShelf), ...(filter.lostOnly === true ? [] : states)];
    const cursors = await this.#home.page(shelves, range, after, limit);
    const stored = await this.#home.load(cursors.map(({ key }) => ({ key, rows: [] })));
    const studies = stored.flatMap(({ head }) => (head === undefined ? [] : [JSON.parse(head) as StudyRecord]));
    return { studies, next: cursors.length < limit ? undefined : cursors.at(-1) };
  }

  /** Open studies of which the last came at a time that is still to come. */
  async *ahead(now: number): AsyncGenerator<string> {
    const range = { from: now, until: Number.MAX_SAFE_INTEGER };
    let after: PageCursor | undefined;
    do {
      const cursors = await this.#home.page(['open', lostShelf('open')], range, after, aheadPerPage);
      for (const { key } of cursors) yield key.slice(2);
      after = cursors.length < aheadPerPage ? undefined : cursors.at(-1);
    } while (after !== undefined);
  }

  /** The time of day was set back: an open study that was to be looked at by what it was is due by what it is. */
  async setBack(studyUid: string, now: number): Promise<void> {
    await this.updateHead(studyUid, (study) => afterSetBack(study, now, this.#options));
  }

  /** More of an open study may be on its way. */
  async hold(studyUid: string, now: number): Promise<void> {
    await this.updateHead(studyUid, (study) => afterHold(study, now, this.#options));
  }

  /** Lets go of what had no activity since then. Returns how many records, and how many rows of them, went. */
  async removeBefore(before: number, limit: number): Promise<{ readonly records: number; readonly rows: number }> {
    return this.#home.remove(before, limit);
  }

  close(): Promise<void> {
    return this.#home.close();
  }

  async #studiesOf(uids: readonly string[], row: (uid: string) => string): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = await this.#home.where(uids.map(row));
    return new Map(
      uids.flatMap((uid) => {
        const studies = (found.get(row(uid)) ?? []).filter((key) => key.startsWith('s:')).map((key) => key.slice(2));
        return studies.length === 0 ? [] : [[uid, studies] as const];
      }),
    );
  }

  async #load(studyUid: string): Promise<{ readonly revision: number; readonly page: StudyPage } | undefined> {
    const [stored] = await this.#home.load([{ key: studyKey(studyUid), rows: 'all' }]);
    if (stored?.head === undefined) return undefined;
    const instances: InstanceRecord[] = [];
    const series: SeriesRecord[] = [];
    const documents: StudyDocument[] = [];
    for (const [id, text] of [...stored.rows].sort(([one], [other]) => (one < other ? -1 : 1))) {
      const value: unknown = JSON.parse(text);
      if (id.startsWith('i:')) instances.push(value as InstanceRecord);
      else if (id.startsWith('s:')) series.push(value as SeriesRecord);
      else if (id.startsWith('d:')) documents.push(value as StudyDocument);
    }
    return { revision: stored.revision, page: { study: JSON.parse(stored.head) as StudyRecord, instances, series, documents } };
  }

  /** Undefined: it changes nothing. */
  #merged(key: string, changes: readonly LedgerChange[], stored: StoredRecord, now: number): RecordWrite | undefined {
    if (key.startsWith('d:')) return mergedDocument(key.slice(2), changes, stored, now);
    const before = stored.head === undefined ? this.#begun(key, now) : (JSON.parse(stored.head) as StudyRecord);
    const rows = new Rows(stored.rows);
    let study = before;
    for (const change of changes as readonly StudyChange[]) {
      const { series, document } = change;
      // Whoever retrieves what a modality has sent is not that modality, and it has not been at work again.
      const isOfOthers = document?.kind === 'retrieve' && study.instances > 0;
      if (!isOfOthers) study = mergeFacts(study, change.facts);
      if (series !== undefined) rows.merge(seriesRow(series.uid), series, (kept) => mergeSeries(kept ?? emptySeries(series.uid), series));
      if (document !== undefined) study = this.#withDocument(study, rows, document);
      for (const instance of change.instances) study = this.#withInstance(study, rows, instance);
    }
    // As bounded as the facts are: once they are full, a number that takes the place of another gets no row.
    const accessionNumbers = before.accessionNumbers.length < maxValues ? study.accessionNumbers : [];
    for (const one of accessionNumbers) if (!before.accessionNumbers.includes(one)) rows.merge(accessionRow(one), '', () => '');
    const changed = rows.changed();
    const text = (record: StudyRecord) => JSON.stringify(mergeFacts(record, noFacts));
    if (changed.size === 0 && stored.head !== undefined && text(before) === text(study)) return undefined;
    const of = [...changed].flatMap(([id, value]) => arrivalOf(id, stored.rows.get(id), value) ?? []);
    const at = (changes as readonly StudyChange[]).reduce((first, { facts: { firstAt = now } }) => Math.min(first, firstAt), now);
    const arrival = of.length === 0 ? undefined : ({ of: of.includes('instance') ? 'instance' : 'document', at } as const);
    const after = afterChange(study, arrival, now, this.#options);
    return studyWrite(
      after,
      stored.revision,
      changed,
      [...changed.keys()].filter((id) => !stored.rows.has(id)),
    );
  }

  /** A study that is not there. One that was a moment ago is gone with all of its home, and what came of it until now is not known any more. */
  #begun(key: string, now: number): StudyRecord {
    const study = newStudy(key.slice(2));
    return this.#recent.has(key, now) ? { ...study, incompleteSince: now } : study;
  }

  #withDocument(study: StudyRecord, rows: Rows, document: StudyDocument): StudyRecord {
    const id = documentRow(document.id);
    const { maxDocumentBytesPerStudy = defaultMaxDocumentBytes } = this.#options;
    const otherBytes = (study.documentBytes ?? 0) - rows.lengthOf(id);
    if (otherBytes + JSON.stringify(document).length > maxDocumentBytesPerStudy) return { ...study, overflow: study.overflow + 1 };
    rows.merge(id, document, (kept) => laterDocument(kept, document));
    const isFinal = document.kind === 'mpps' && document.status !== 'IN PROGRESS';
    return { ...study, documentBytes: otherBytes + rows.lengthOf(id), isStated: study.isStated || isFinal };
  }

  #withInstance(study: StudyRecord, rows: Rows, instance: InstanceRecord): StudyRecord {
    const id = instanceRow(instance.uid);
    const isNew = !rows.has(id);
    const { maxInstancesPerStudy = defaultMaxInstances } = this.#options;
    if (isNew && study.instances >= maxInstancesPerStudy) return { ...study, overflow: study.overflow + 1 };
    rows.merge(id, instance, (kept) => mergeInstances(kept ?? emptyInstance(instance.uid), instance));
    return isNew ? { ...study, instances: study.instances + 1 } : study;
  }
}

/** A study as it is to be stored, and those of its instances that changed. */
export interface StudyUpdate {
  readonly study: StudyRecord;
  readonly instances?: readonly InstanceRecord[];
}

/** Rows of one record while changes are merged into them. */
class Rows {
  readonly #stored: ReadonlyMap<string, string>;
  readonly #values = new Map<string, unknown>();

  constructor(stored: ReadonlyMap<string, string>) {
    this.#stored = stored;
  }

  has(id: string): boolean {
    return this.#values.has(id) || this.#stored.has(id);
  }

  lengthOf(id: string): number {
    const value = this.#values.get(id);
    return (value === undefined ? this.#stored.get(id) : JSON.stringify(value))?.length ?? 0;
  }

  merge<Value>(id: string, _type: Value, merge: (kept: Value | undefined) => Value): void {
    const text = this.#stored.get(id);
    const kept = this.#values.get(id) ?? (text === undefined ? undefined : JSON.parse(text));
    this.#values.set(id, merge(kept as Value | undefined));
  }

  changed(): Map<string, string> {
    const texts = [...this.#values].map(([id, value]) => [id, JSON.stringify(value)] as const);
    return new Map(texts.filter(([id, text]) => this.#stored.get(id) !== text));
  }
}

/**
 * What came from the modality, if anything: that it was passed on, found where it was sent, or retrieved by somebody is no arrival. A delivery tells
 * of the acknowledgement too, by an earlier time; that is no other one.
 */
function arrivalOf(id: string, before: string | undefined, after: string): Arrival['of'] | undefined {
  if (id.startsWith('d:')) {
    const { kind, at } = JSON.parse(after) as StudyDocument;
    // The same one laid again, because more of its instances are known, is nothing new.
    const isKnown = before !== undefined && (JSON.parse(before) as StudyDocument).at === at;
    return kind === 'retrieve' || isKnown ? undefined : 'document';
  }
  if (before === undefined) return 'instance';
  if (!id.startsWith('i:')) return undefined;
  const came = (text: string) => {
    const { at, ...rest } = JSON.parse(text) as InstanceRecord;
    const acknowledged = Object.entries(at).map(([destinationId, { acknowledgedAt }]) => [destinationId, acknowledgedAt !== undefined]);
    return JSON.stringify([rest, acknowledged]);
  };
  return came(before) === came(after) ? undefined : 'instance';
}

function rowsOf(changes: readonly LedgerChange[]): readonly string[] {
  const ids = new Set<string>();
  for (const change of changes) {
    if (!('studyUid' in change)) continue;
    for (const { uid } of change.instances) ids.add(instanceRow(uid));
    if (change.series !== undefined) ids.add(seriesRow(change.series.uid));
    if (change.document !== undefined) ids.add(documentRow(change.document.id));
  }
  return [...ids];
}

function mergedDocument(id: string, changes: readonly LedgerChange[], stored: StoredRecord, now: number): RecordWrite | undefined {
  const before = stored.head === undefined ? newDocument(id) : (JSON.parse(stored.head) as DocumentRecord);
  let document = before;
  for (const change of changes) if (!('studyUid' in change)) document = mergeDocument(document, change.document);
  const text = (record: DocumentRecord) => JSON.stringify(mergeDocument(record, { id, studyUids: [] }));
  if (stored.head !== undefined && text(before) === text(document)) return undefined;
  return documentWrite({ ...document, attempts: 0, dueAt: now }, stored.revision);
}

/** Its place in {@link Ledger.list}. */
export function cursorOf({ uid, lastAt, closedAt, dueAt }: StudyRecord): PageCursor {
  // Of one whose delivery alone was seen there is no activity; it is not old for that.
  return { key: studyKey(uid), at: lastAt ?? closedAt ?? dueAt ?? 0 };
}

function studyWrite(study: StudyRecord, revision: number, rows: ReadonlyMap<string, string>, freshRows: readonly string[]): RecordWrite {
  const { dueAt, state } = study;
  // Few have a loss, and those are asked for all the time.
  const shelf = study.loss?.some(({ lost }) => lost > 0) ? lostShelf(state) : state;
  return { ...cursorOf(study), revision, head: JSON.stringify(study), rows, freshRows, dueAt, shelf };
}

function documentWrite(document: DocumentRecord, revision: number): RecordWrite {
  const { id, dueAt, lastAt = 0 } = document;
  const head = JSON.stringify(document);
  return { key: documentKey(id), revision, head, rows: new Map(), freshRows: [], dueAt, shelf: documentShelf, at: lastAt };
}
