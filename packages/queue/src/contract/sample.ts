import type { NewEntry } from '../entry.ts';

/** The n-th instance of a backlog: ids in order, `perStudy` to a study. */
export function sampleEntry(n: number, changes: Partial<NewEntry> = {}, perStudy = 10): NewEntry {
  return {
    destinationId: 'pacs',
    ownerId: 'node-1',
    id: `ID${String(n).padStart(10, '0')}`,
    studyKey: `1.2.826.0.1.3680043.8.498.${Math.floor(n / perStudy)}`,
    seriesKey: `1.2.826.0.1.3680043.8.498.${Math.floor(n / perStudy)}.1`,
    sopInstanceUid: `1.2.826.0.1.3680043.8.498.1.${n}`,
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    callingAeTitle: 'CT1',
    modality: 'CT',
    bytes: 524_288,
    receivedAt: 1_700_000_000_000 + n,
    ...changes,
  };
}
