import { secondsBetween } from './epoch-time.ts';
import type { StudyClosed, StudyCommitted, StudyRevised, StudyTold, StudyVerified } from './event.ts';
import { modalityOf } from './ledger-story.ts';
import type { MetricSet } from './metric-set.ts';
import { knownModality } from './modality.ts';
import type { Study } from './study.ts';
import type { Completion } from './study-book.ts';

const states = ['acknowledged', 'forwarded', 'confirmed', 'lost', 'recovered'] as const;

/** What the ledger tells, in numbers; or, where there is none, the book of the open studies. */
export class LedgerMetrics {
  readonly #metrics: MetricSet;

  constructor(metrics: MetricSet) {
    this.#metrics = metrics;
  }

  record(event: StudyClosed | StudyRevised | StudyVerified | StudyCommitted | StudyTold): void {
    switch (event.type) {
      case 'study.closed':
        this.#metrics.add('radiotracer.studies', 1, labelsOf(event.modalities, event.verdict.completion));
        for (const { kind } of event.findings) this.#check(kind, 'found');
        this.#instances(event);
        return;
      case 'study.revised':
        this.#instances(event);
        return;
      case 'study.verified':
        this.#check('verify', event.result);
        if (event.result !== 'confirmed') return;
        this.#metrics.record(
          'radiotracer.study.availability.duration',
          secondsBetween(event.firstByteAt, event.endedAt),
          labelsOf(event.modalities, event.completion),
        );
        return;
      case 'study.committed':
        this.#check('commit', event.result);
        return;
      case 'study.told': {
        const labels = labelsOf(event.modalities, event.verdict.completion);
        this.#metrics.record('radiotracer.study.receive.duration', secondsBetween(event.firstByteAt, event.receivedAt), labels);
        this.#metrics.record('radiotracer.study.duration', secondsBetween(event.firstByteAt, event.endedAt), labels);
        return;
      }
    }
  }

  /** There is no ledger: a study is closed by the book. */
  closed({ origin, modalities, firstByteAt, receivedAt, lastAt }: Study, completion: Completion): void {
    const labels = labelsOf([...modalities], completion);
    this.#metrics.add('radiotracer.studies', 1, labels);
    if (origin.rootTold) return;
    this.#metrics.record('radiotracer.study.receive.duration', secondsBetween(firstByteAt, receivedAt), labels);
    this.#metrics.record('radiotracer.study.duration', secondsBetween(firstByteAt, lastAt), labels);
  }

  #check(check: string, result: string): void {
    this.#metrics.add('radiotracer.integrity.checks', 1, { 'radiotracer.integrity.check': check, 'radiotracer.integrity.result': result });
  }

  #instances({ deltas }: StudyClosed | StudyRevised): void {
    for (const delta of deltas) {
      for (const state of states) {
        if (delta[state] === 0) continue;
        this.#metrics.add('radiotracer.integrity.instances', delta[state], {
          'radiotracer.destination.id': delta.destinationId,
          'dicom.modality': knownModality(delta.modality),
          'radiotracer.integrity.state': state,
        });
      }
    }
  }
}

function labelsOf(modalities: readonly string[], completion: string) {
  return { 'dicom.modality': modalityOf(modalities), 'radiotracer.study.completion': completion };
}
