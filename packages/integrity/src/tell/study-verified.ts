import type { ErrorType, StudyVerified } from '@radiotracer/telemetry';
import type { StudyPage } from '../record/study-page.ts';
import type { VerifyState } from '../record/verify-state.ts';
import { firstByteOf } from './study-told.ts';

interface Question {
  readonly startedAt: number;
  readonly endedAt: number;
  /** What kind of answer came. */
  readonly answer: 'found' | 'counted' | 'unsupported' | 'unreachable';
  /** Why it does not say. */
  readonly errorType: ErrorType | undefined;
  /** What it came to; undefined: the study was opened again meanwhile. */
  readonly after: VerifyState | undefined;
}

/** One question to a destination. `page`: the study as it was asked about; undefined: it is open, and is told of later. */
export function studyVerified(page: StudyPage, destinationId: string, question: Question): StudyVerified | undefined {
  const { study, instances } = page;
  const { startedAt, endedAt, answer, errorType, after } = question;
  if (study.state === 'open' || study.uid === '' || after === undefined) return undefined;
  const asked = instances.filter(({ at }) => at[destinationId]?.forwardedAt !== undefined).length;
  const isThere = after.outcome === 'confirmed' || after.outcome === 'confirmed-by-count';
  const result = answer === 'unsupported' || answer === 'unreachable' ? answer : isThere ? 'confirmed' : 'missing';
  return {
    type: 'study.verified',
    ...{ studyInstanceUid: study.uid, generation: study.generation, modalities: study.modalities, destinationId, startedAt, endedAt },
    ...{ result, errorType, asked, missing: result === 'confirmed' ? 0 : result === 'missing' ? after.missing : undefined },
    ...{ firstByteAt: firstByteOf(page), completion: study.state },
  };
}
