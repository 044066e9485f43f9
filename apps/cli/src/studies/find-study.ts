/** A study by what a person has of it: its UID, or an accession number. */
import type { Ledger, StudyRecord } from '@radiotracer/integrity';
import { strippedUid } from '@radiotracer/telemetry';

/** Of an accession number that more studies share, the others are only counted. */
const maxStudies = 100;

export interface FoundStudies {
  readonly studies: readonly StudyRecord[];
  readonly more: number;
}

export async function findStudies(ledger: Ledger, asked: string): Promise<FoundStudies> {
  const uid = strippedUid(asked) ?? '';
  const named = uid === '' ? [] : await ledger.studiesOfAccession(asked.trim());
  const uids = [...new Set([uid, ...named])];
  const studies: StudyRecord[] = [];
  for (const one of uids.slice(0, maxStudies)) {
    const study = await ledger.study(one);
    if (study !== undefined) studies.push(study);
  }
  return { studies, more: Math.max(0, uids.length - maxStudies) };
}
