import type { Clock } from './clock.ts';
import { inTime } from './delivery-observer.ts';
import type { MetricSet } from './metric-set.ts';
import { knownModality } from './modality.ts';

/** What of the ledger is no event. */
export interface LedgerLevels {
  /** Instances that are lost now. */
  readonly lost: readonly { readonly destinationId: string; readonly modality: string; readonly lost: number }[];
  /** Events, and those of them that found no room. */
  readonly published: number;
  readonly dropped: number;
  readonly errors: number;
}

/** Asked at every scrape and export; may reject or hang, and then there is nothing to see. */
export interface LedgerSource {
  ledger(): Promise<LedgerLevels | undefined>;
}

export function observeLedgerSource(metrics: MetricSet, source: LedgerSource, clock: Clock): void {
  metrics.observe(['radiotracer.integrity.lost', 'radiotracer.integrity.events', 'radiotracer.integrity.errors'], async (observe) => {
    const levels = await inTime(clock, () => source.ledger());
    if (levels === undefined) return;
    const { published, dropped, errors } = levels;
    const lost = new Map<string | undefined, Map<string, number>>();
    for (const { destinationId, modality, lost: instances } of levels.lost) {
      const known = knownModality(modality);
      const of = lost.get(known) ?? new Map<string, number>();
      lost.set(known, of.set(destinationId, (of.get(destinationId) ?? 0) + instances));
    }
    for (const [modality, of] of lost)
      for (const [destinationId, instances] of of)
        observe('radiotracer.integrity.lost', instances, { 'radiotracer.destination.id': destinationId, 'dicom.modality': modality });
    observe('radiotracer.integrity.events', published - dropped, { 'radiotracer.telemetry.result': 'told' });
    observe('radiotracer.integrity.events', dropped, { 'radiotracer.telemetry.result': 'dropped' });
    observe('radiotracer.integrity.errors', errors, {});
  });
}
