import type { SourceObserved, WorklistUnfollowed } from './event.ts';
import type { MetricSet } from './metric-set.ts';

const other = '_OTHER';

/** What the ledger says of calling AEs. */
export class SourceMetrics {
  readonly #metrics: MetricSet;
  readonly #aeTitles: ReadonlySet<string>;
  /** Of those that are told together; the ledger keeps a bounded number. */
  readonly #silentOthers = new Set<string>();

  constructor(metrics: MetricSet, aeTitles: ReadonlySet<string>) {
    this.#metrics = metrics;
    this.#aeTitles = aeTitles;
  }

  observed({ callingAeTitle, silent, habitGapMs }: SourceObserved): void {
    if (!this.#aeTitles.has(callingAeTitle)) {
      if (silent) this.#silentOthers.add(callingAeTitle);
      else this.#silentOthers.delete(callingAeTitle);
      this.#metrics.set('radiotracer.source.silent', this.#silentOthers.size, { 'dicom.calling_ae.title': other });
      return;
    }
    const calling = { 'dicom.calling_ae.title': callingAeTitle };
    this.#metrics.set('radiotracer.source.silent', silent ? 1 : 0, calling);
    if (habitGapMs !== undefined) this.#metrics.set('radiotracer.source.habit.gap', habitGapMs / 1000, calling);
  }

  unfollowed({ callingAeTitle }: WorklistUnfollowed): void {
    const title = this.#aeTitles.has(callingAeTitle) ? callingAeTitle : other;
    this.#metrics.add('radiotracer.worklist.unfollowed', 1, { 'dicom.calling_ae.title': title });
  }
}
