import type { QueueEntry } from '@radiotracer/queue';

interface Problem {
  readonly id: string;
  readonly why: string;
}

/** Told in full; of more only the number. */
const maxProblems = 20;

/** What became of the entries that a command was about. */
export class Tally {
  /** Looked at. */
  matched = 0;
  changed = 0;
  /** Being sent now. */
  sending = 0;
  /** In a state for which there is nothing to do. */
  unaffected = 0;
  /** Of other proxies. */
  others = 0;
  /** In the schedule, and their file is not where it should be. */
  missing = 0;
  failed = 0;
  readonly problems: Problem[] = [];
  readonly #notFound: Set<string>;
  readonly #progress: (matched: number) => void;

  constructor(ids: readonly string[] = [], progress: (matched: number) => void = () => {}) {
    this.#notFound = new Set(ids);
    this.#progress = progress;
  }

  /** Ids that were given and that no entry has. */
  get notFound(): readonly string[] {
    return [...this.#notFound];
  }

  found(entries: readonly QueueEntry[]): void {
    this.matched += entries.length;
    for (const { id } of entries) this.#notFound.delete(id);
  }

  progress(): void {
    this.#progress(this.matched);
  }

  miss(entry: QueueEntry): void {
    this.missing++;
    this.#tell(entry, 'its file is not in the spool: delivered or removed meanwhile, or moved aside as damaged');
  }

  fail(entry: QueueEntry, error: unknown): void {
    this.failed++;
    this.#tell(entry, error instanceof Error ? error.message : String(error));
  }

  #tell({ id }: QueueEntry, why: string): void {
    if (this.problems.length < maxProblems) this.problems.push({ id, why });
  }
}
