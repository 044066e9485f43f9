/** What the ledger says of studies. */
import type { EpochMs } from './epoch-ms.ts';
import type { ErrorType } from './error-type.ts';

/** Did everything come that was to come? `quiet`: nobody can say; nothing came any more. */
export type StudyCompletion = 'complete' | 'short' | 'excess' | 'discontinued' | 'quiet';

/** The ledger's answer, and on whose word. */
export interface StudyVerdict {
  readonly completion: StudyCompletion;
  /** Who said how much was to come; of the ledger's closed list. */
  readonly source: string;
  readonly confidence: 'low' | 'medium-low' | 'medium' | 'medium-high' | 'high';
  /** Undefined: nobody can say. */
  readonly expected: number | undefined;
  readonly received: number;
  /** Of what was expected. */
  readonly missing: number;
}

/** Something inconsistent in what came; of the ledger's closed list. */
export interface StudyFinding {
  readonly kind: string;
  readonly count: number;
}

/** What became of instances since it was last told, at one destination. None is negative. */
export interface LossDelta {
  readonly destinationId: string;
  readonly modality: string | undefined;
  readonly acknowledged: number;
  readonly forwarded: number;
  readonly confirmed: number;
  readonly lost: number;
  /** Were lost, and are there after all. */
  readonly recovered: number;
}

/** Of which study the ledger speaks. */
interface LedgerStudy {
  readonly studyInstanceUid: string;
  readonly generation: number;
  readonly modalities: readonly string[];
}

/** The ledger closed a study, once more if it had been opened again. */
export interface StudyClosed extends LedgerStudy {
  readonly type: 'study.closed';
  readonly at: EpochMs;
  readonly verdict: StudyVerdict;
  readonly findings: readonly StudyFinding[];
  readonly deltas: readonly LossDelta[];
  /** Instances that are lost now, over all destinations. */
  readonly lost: number;
}

/** Something more became known of a closed study. */
export interface StudyRevised extends LedgerStudy {
  readonly type: 'study.revised';
  readonly at: EpochMs;
  readonly deltas: readonly LossDelta[];
  readonly lost: number;
}

/** A destination was asked what it has of a study. */
export interface StudyVerified extends LedgerStudy {
  readonly type: 'study.verified';
  readonly destinationId: string;
  readonly startedAt: EpochMs;
  readonly endedAt: EpochMs;
  readonly result: 'confirmed' | 'missing' | 'unsupported' | 'unreachable';
  /** Why it does not say, where that is known. */
  readonly errorType?: ErrorType | undefined;
  /** Instances that it should have. */
  readonly asked: number;
  /** Of these, those that it has not; undefined: it does not say. */
  readonly missing: number | undefined;
  /** Of the study. */
  readonly firstByteAt: EpochMs | undefined;
  readonly completion: StudyCompletion;
}

/** A destination was asked for storage commitment of what it got of a study from the spool. */
export interface StudyCommitted extends LedgerStudy {
  readonly type: 'study.committed';
  readonly destinationId: string;
  /** The request. */
  readonly startedAt: EpochMs;
  /** The report, or the end of waiting for it. */
  readonly endedAt: EpochMs;
  /** missing: it has not got some; refused: it does not keep some, for another reason; unreported: the request or its report came to nothing. */
  readonly result: 'confirmed' | 'missing' | 'refused' | 'unreported' | 'unsupported' | 'unreachable';
  /** Instances of this request. */
  readonly asked: number;
  /** Of these, those that it has not; undefined: it does not say. */
  readonly missing: number | undefined;
}

export interface ToldSeries {
  readonly seriesInstanceUid: string;
  readonly modality: string | undefined;
  readonly instances: number;
  readonly sizeBytes: number;
  readonly firstAt: EpochMs;
  readonly lastAt: EpochMs;
}

/** The root of a study's trace: closed, and everything that was acknowledged has come to its end. Once for each generation. */
export interface StudyTold extends LedgerStudy {
  readonly type: 'study.told';
  readonly firstByteAt: EpochMs;
  /** The last thing that the modality did. */
  readonly receivedAt: EpochMs;
  /** The last destination had its last instance, or it was given up. */
  readonly endedAt: EpochMs;
  readonly verdict: StudyVerdict;
  readonly findings: readonly StudyFinding[];
  readonly callingAeTitle: string | undefined;
  /** Where there is one. */
  readonly destinationId: string | undefined;
  readonly instances: number;
  readonly sizeBytes: number;
  readonly series: readonly ToldSeries[];
  /** Instances that some destination has not got. */
  readonly undelivered: number;
  /** Instances that are given up, or not there. */
  readonly lost: number;
  /** Events about it were lost: counts are a lower bound. */
  readonly incomplete: boolean;
}
