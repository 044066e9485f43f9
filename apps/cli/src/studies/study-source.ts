/** Studies of the ledger, the newest first, page by page. */
import { cursorOf, type Ledger, type PageCursor, type StudyFilter, type StudyRecord } from '@radiotracer/integrity';
import { figuresOf, type StudyFigures } from './study-figures.ts';
import { areSelected, filterOf, isSelected, type StudySelection } from './study-selection.ts';

export interface FoundStudy {
  readonly study: StudyRecord;
  readonly figures: StudyFigures;
}

const pageSize = 100;

export class StudySource {
  readonly #ledger: Ledger;
  readonly #options: StudySelection;
  readonly #filter: StudyFilter;
  #next: PageCursor | undefined;

  /** @throws CommandFailure (usage): no study can match */
  constructor(ledger: Ledger, options: StudySelection, now: number) {
    this.#ledger = ledger;
    this.#options = options;
    this.#filter = filterOf(options, now);
  }

  /** Behind the last of those that were given out; undefined: there is nothing more. */
  get next(): PageCursor | undefined {
    return this.#next;
  }

  /** At most so many in all. */
  async *batches(limit: number, after: PageCursor | undefined): AsyncGenerator<readonly FoundStudy[]> {
    let left = limit;
    let from = after;
    do {
      const { studies, next } = await this.#ledger.list(this.#filter, from, pageSize);
      const found: FoundStudy[] = [];
      for (const [index, study] of studies.entries()) {
        const one = await this.#found(study);
        if (one === undefined) continue;
        found.push(one);
        left -= 1;
        if (left > 0) continue;
        this.#next = index < studies.length - 1 || next !== undefined ? cursorOf(study) : undefined;
        yield found;
        return;
      }
      if (found.length > 0) yield found;
      from = next;
    } while (from !== undefined);
  }

  async #found(study: StudyRecord): Promise<FoundStudy | undefined> {
    if (!isSelected(study, this.#options)) return undefined;
    const figures = await readFigures(this.#ledger, study);
    return areSelected(figures, this.#options) ? { study, figures } : undefined;
  }
}

/** Of an open study nothing is added up yet, and an earlier version did not count what waits: the instances are read. */
export async function readFigures(ledger: Ledger, study: StudyRecord): Promise<StudyFigures> {
  const isAddedUp = study.state !== 'open' && study.loss?.every(({ waiting }) => waiting !== undefined) === true;
  return figuresOf(study, isAddedUp ? undefined : await ledger.page(study.uid));
}

/** As it is written on a command line. */
export function cursorText({ at, key }: PageCursor): string {
  return `${at}/${key}`;
}

export function cursorFrom(text: string): PageCursor | undefined {
  const [, at, key] = /^(\d{1,16})\/(\S+)$/.exec(text) ?? [];
  return at === undefined || key === undefined ? undefined : { at: Number(at), key };
}
