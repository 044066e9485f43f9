import type { LossDelta, StudyClosed, StudyRevised } from '@radiotracer/telemetry';
import type { LossLine } from '../record/loss-line.ts';
import type { StudyRecord } from '../record/study-record.ts';
import type { Finding } from '../verdict/finding.ts';
import { verdictTold } from './study-told.ts';

/** Undefined: it has no verdict, and so is not closed. */
export function studyClosed(study: StudyRecord, before: StudyRecord, findings: readonly Finding[], at: number): StudyClosed | undefined {
  const { verdict } = study;
  if (verdict === undefined) return undefined;
  return {
    type: 'study.closed',
    at,
    ...whichOf(study),
    verdict: verdictTold(verdict),
    findings: findings.map(({ kind, count }) => ({ kind, count })),
    deltas: lossDeltas(before.loss ?? [], study.loss ?? []),
    lost: lostIn(study),
  };
}

/** Undefined: nothing is new. */
export function studyRevised(study: StudyRecord, before: StudyRecord, at: number): StudyRevised | undefined {
  const deltas = lossDeltas(before.loss ?? [], study.loss ?? []);
  return deltas.length === 0 ? undefined : { type: 'study.revised', at, ...whichOf(study), deltas, lost: lostIn(study) };
}

function whichOf({ uid, generation, modalities }: StudyRecord) {
  return { studyInstanceUid: uid, generation, modalities };
}

function lostIn({ loss = [] }: StudyRecord): number {
  return loss.reduce((sum, { lost }) => sum + lost, 0);
}

/** What came to it between two looks, of each destination and modality. */
function lossDeltas(before: readonly LossLine[], after: readonly LossLine[]): readonly LossDelta[] {
  const keyOf = ({ destinationId, modality }: LossLine) => `${destinationId} ${modality}`;
  const known = new Map(before.map((line) => [keyOf(line), line]));
  return after.flatMap((line): LossDelta[] => {
    const old = known.get(keyOf(line));
    const grown = (name: 'acknowledged' | 'forwarded' | 'confirmed' | 'lost') => Math.max(0, line[name] - (old?.[name] ?? 0));
    const delta = {
      ...{ acknowledged: grown('acknowledged'), forwarded: grown('forwarded'), confirmed: grown('confirmed'), lost: grown('lost') },
      recovered: Math.max(0, (old?.lost ?? 0) - line.lost),
    };
    if (Object.values(delta).every((value) => value === 0)) return [];
    return [{ destinationId: line.destinationId, modality: line.modality === '' ? undefined : line.modality, ...delta }];
  });
}
