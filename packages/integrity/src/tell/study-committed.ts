import type { StudyCommitted } from '@radiotracer/telemetry';
import type { StudyPage } from '../record/study-page.ts';

type Commitment = Pick<StudyCommitted, 'startedAt' | 'endedAt' | 'result' | 'asked'> & { readonly missing?: number };

/** One request for storage commitment, and what came of it. `page`: the study then; undefined: it is open, and is told of later. */
export function studyCommitted({ study }: StudyPage, destinationId: string, commitment: Commitment): StudyCommitted | undefined {
  if (study.state === 'open' || study.uid === '') return undefined;
  const { startedAt, endedAt, result, asked, missing } = commitment;
  return {
    type: 'study.committed',
    ...{ studyInstanceUid: study.uid, generation: study.generation, modalities: study.modalities, destinationId },
    ...{ startedAt, endedAt, result, asked, missing },
  };
}
