import type { InstanceRecord } from './instance-record.ts';
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

/** Those that came from a modality; some are only known by name, or by their delivery. */
export function receivedOf(page: StudyPage): readonly InstanceRecord[] {
  return page.instances.filter(({ receivedAt }) => receivedAt !== undefined);
}

/** By series UID; `''` for those that name none. */
export function bySeries(instances: readonly InstanceRecord[]): ReadonlyMap<string, readonly InstanceRecord[]> {
  return Map.groupBy(instances, ({ seriesUid }) => seriesUid ?? '');
}
