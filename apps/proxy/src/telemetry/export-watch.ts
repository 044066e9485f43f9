import type { ExportFailure } from './export-failure.ts';
import type { ExportOutcome } from './export-outcome.ts';
import type { OtlpEndpoint } from './otlp-endpoint.ts';
import type { Answer } from './sdk-diagnostics.ts';

/** Something to be said of the exports of a signal. */
export type ExportNews =
  | { readonly type: 'failing'; readonly failure: ExportFailure }
  /** After that. `lost`: spans or data points, at least. */
  | { readonly type: 'working'; readonly lost: number; readonly failedForMs: number }
  /** The receiver says something of what it got. `rejected`: since this was last said. */
  | { readonly type: 'answered'; readonly answer: Answer; readonly rejected: number };

/** What became of spans or data points. */
export interface ExportCounts {
  readonly taken: number;
  /** Not sent, or sent and refused as a whole. */
  readonly failed: number;
  /** Sent, and thrown away by the receiver, which says so. */
  readonly rejected: number;
}

/** Where a signal goes, and what looks at what becomes of it. */
export interface Watched {
  readonly endpoint: OtlpEndpoint;
  readonly watch: ExportWatch;
}

const quietMs = 60_000;

/**
 * Counts what becomes of the exports of a signal, and says when they begin to fail, when for another reason, and when they work again; and what the
 * receiver answers. The first at once; then no more than once a minute, for a hundred exports may end in a second.
 */
export class ExportWatch {
  readonly #tell: (news: ExportNews) => void;
  readonly #now: () => number;
  #taken = 0;
  #failed = 0;
  #rejected = 0;
  /** The last that was said; undefined: they work, as far as was said. */
  #said: ExportFailure | undefined;
  #saidAt = Number.NEGATIVE_INFINITY;
  #failedAt: number | undefined;
  #lost = 0;
  readonly #answeredAt = new Map<Answer['type'], number>();
  #unsaidRejected = 0;

  /** @param now milliseconds, of a clock that does not leap */
  constructor(tell: (news: ExportNews) => void, now: () => number = () => performance.now()) {
    this.#tell = tell;
    this.#now = now;
  }

  get counts(): ExportCounts {
    return { taken: this.#taken, failed: this.#failed, rejected: this.#rejected };
  }

  ended({ items, rejected, failure, answer }: ExportOutcome): void {
    if (failure !== undefined) {
      this.#failed += items;
      this.lose(items);
      this.#failing(failure);
      return;
    }
    this.#taken += items - rejected;
    this.#rejected += rejected;
    this.#working();
    if (answer !== undefined) this.#answered(rejected, answer);
  }

  /** Those that did not come to be exported. */
  lose(items: number): void {
    this.#lost += items;
  }

  #failing(failure: ExportFailure): void {
    const now = this.#now();
    this.#failedAt ??= now;
    if (failure.type === this.#said?.type || now - this.#saidAt < quietMs) return;
    this.#said = failure;
    this.#saidAt = now;
    this.#tell({ type: 'failing', failure });
  }

  #working(): void {
    const failedAt = this.#failedAt;
    this.#failedAt = undefined;
    if (this.#said === undefined) return;
    this.#said = undefined;
    this.#tell({ type: 'working', lost: this.#lost, failedForMs: this.#now() - (failedAt ?? this.#saidAt) });
    this.#lost = 0;
  }

  #answered(rejected: number, answer: Answer): void {
    const now = this.#now();
    this.#unsaidRejected += rejected;
    if (now - (this.#answeredAt.get(answer.type) ?? Number.NEGATIVE_INFINITY) < quietMs) return;
    this.#answeredAt.set(answer.type, now);
    const unsaid = answer.type === 'rejected' ? this.#unsaidRejected : 0;
    this.#unsaidRejected -= unsaid;
    this.#tell({ type: 'answered', answer, rejected: unsaid });
  }
}
