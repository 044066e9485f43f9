/** Worklist items that were taken up, in the home of the ledger, until their study is there or their time is over. */
import type { RecordWrite } from '../ledger/home.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { StudyRecord } from '../record/study-record.ts';
import type { ModalityHome } from './modality-home.ts';
import type { WorklistItem } from './worklist-item.ts';

const shelf = 'worklist';
/** Of one modality, and of all. One more is not watched. */
const maxOfOne = 200;
const maxOpen = 5000;
const dueAtOnce = 100;
/** Of one accession number; more of them are a default value of the modality's. */
const maxStudies = 50;
/** A study may have begun before its step was told. */
const leadMs = 3_600_000;

const keyOf = ({ aeTitle, accessionNumber }: WorklistItem) => `w:${aeTitle}:${accessionNumber}`;

export class WorklistWatch {
  readonly #home: ModalityHome;
  readonly #ledger: Ledger;

  constructor(home: ModalityHome, ledger: Ledger) {
    this.#home = home;
    this.#ledger = ledger;
  }

  /** The first time counts; written twice it changes nothing. Returns how many found no room. */
  async add(wanted: readonly WorklistItem[]): Promise<number> {
    const byKey = new Map(wanted.toReversed().map((item) => [keyOf(item), item] as const));
    if (byKey.size === 0) return 0;
    const { home } = this.#home;
    const open = await home.page([shelf], { from: 0, until: Number.MAX_SAFE_INTEGER }, undefined, maxOpen);
    const stored = await home.load([...byKey.keys()].map((key) => ({ key, rows: [] })));
    let refused = 0;
    const writes = [...byKey].flatMap(([key, item], index): RecordWrite[] => {
      if (stored[index]?.head !== undefined) return [];
      const ofOne = open.filter((cursor) => cursor.key.startsWith(`w:${item.aeTitle}:`)).length;
      if (open.length + index >= maxOpen || ofOne + index >= maxOfOne) {
        refused += 1;
        return [];
      }
      const { askedAt: at } = item;
      return [{ key, revision: 0, head: JSON.stringify(item), rows: new Map(), freshRows: [], dueAt: undefined, shelf, at }];
    });
    // One that is stale was added by another node meanwhile.
    await home.store(writes);
    return refused;
  }

  /** Those asked for before `before` that are not followed by a study, each told once, to one node. */
  async overdue(before: number): Promise<readonly WorklistItem[]> {
    const { home } = this.#home;
    const cursors = await home.page([shelf], { from: 0, until: before }, undefined, dueAtOnce);
    if (cursors.length === 0) return [];
    const stored = await home.load(cursors.map(({ key }) => ({ key, rows: [] })));
    const due = stored.flatMap(({ head }) => (head === undefined || head === '{}' ? [] : [JSON.parse(head) as WorklistItem]));
    const unfollowed: WorklistItem[] = [];
    for (const item of due) {
      const isSettled = await this.#isSettled(item);
      if ((await this.#home.drop(keyOf(item))) && !isSettled) unfollowed.push(item);
    }
    return unfollowed;
  }

  /** Its study is there, or the modality gave the step up. */
  async #isSettled({ accessionNumber, studyUids, documentId, askedAt }: WorklistItem): Promise<boolean> {
    const named = (await this.#ledger.studiesOfAccession(accessionNumber)).slice(0, maxStudies);
    for (const uid of [...studyUids, ...named]) if (isSince(await this.#ledger.study(uid), askedAt)) return true;
    const document = documentId === undefined ? undefined : await this.#ledger.document(documentId);
    return document?.status?.value === 'DISCONTINUED';
  }
}

function isSince(study: StudyRecord | undefined, askedAt: number): boolean {
  return study !== undefined && study.instances > 0 && (study.lastAt ?? 0) >= askedAt - leadMs;
}
