import { least } from './fold.ts';
import { type InstanceRecord, isAcknowledged } from './instance-record.ts';
import type { SeriesRecord } from './series-record.ts';
import type { StudyDocument } from './study-document.ts';
import type { StudyRecord } from './study-record.ts';

/** All that is known of one study. */
export interface StudyPage {
  readonly study: StudyRecord;
  readonly series: readonly SeriesRecord[];
  readonly instances: readonly InstanceRecord[];
  readonly documents: readonly StudyDocument[];
}

/** Those that came from a modality, by their arrival, or by a delivery of what was acknowledged; others are only known by name. */
export function receivedOf(page: StudyPage): readonly InstanceRecord[] {
  return page.instances.filter((instance) => instance.receivedAt !== undefined || isAcknowledged(instance));
}

/**
 * Since when the ledger is known to have missed something, in milliseconds since the epoch; undefined: it saw all, as far as is known. An instance of
 * which it saw the delivery and not the arrival came while nobody wrote, or is of a time that it has forgotten: others may have come and gone then.
 */
export function incompleteSince({ study, instances }: StudyPage): number | undefined {
  const unseen = instances.filter(({ receivedAt }) => receivedAt === undefined);
  const places = unseen.flatMap(({ at }) => Object.values(at));
  return places.reduce<number | undefined>((since, { acknowledgedAt }) => least(since, acknowledgedAt), study.incompleteSince);
}

/** By series UID; `''` for those that name none. */
export function bySeries(instances: readonly InstanceRecord[]): ReadonlyMap<string, readonly InstanceRecord[]> {
  return Map.groupBy(instances, ({ seriesUid }) => seriesUid ?? '');
}
