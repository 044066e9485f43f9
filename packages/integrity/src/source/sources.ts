import type { StudyPage } from '../record/study-page.ts';
import { concatenation } from './concatenation.ts';
import { cardiacImages, imagesInAcquisition, pet, seriesRelatedInstances, studyRelatedInstances } from './declared-counts.ts';
import type { Source, SourceSays } from './expectation.ts';
import { instanceNumbers } from './instance-numbers.ts';
import { mpps } from './mpps.ts';
import { retrieve } from './retrieve.ts';
import { storageCommitment } from './storage-commitment.ts';

const sources: readonly Source[] = [
  mpps,
  storageCommitment,
  concatenation,
  pet,
  cardiacImages,
  imagesInAcquisition,
  seriesRelatedInstances,
  studyRelatedInstances,
  instanceNumbers,
  retrieve,
];

/** All that anybody says of how much was to come. */
export function ask(page: StudyPage): SourceSays {
  const answers = sources.map((source) => source(page));
  return { expectations: answers.flatMap(({ expectations }) => expectations), notes: answers.flatMap(({ notes }) => notes) };
}
