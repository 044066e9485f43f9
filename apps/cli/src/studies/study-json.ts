import type { StudyRecord } from '@radiotracer/integrity';
import { iso } from '../queue/words.ts';
import type { StudyFigures } from './study-figures.ts';
import { isUncertain } from './study-figures.ts';

/** A study for a program: times in ISO 8601, null for what is not known. */
export function studyJson(study: StudyRecord, figures: StudyFigures) {
  const verdict = study.state === 'open' ? undefined : study.verdict;
  const { expected, received, missing, unexpected, acknowledged, forwarded, confirmed, waiting, lost, lostByCount, lines } = figures;
  return {
    studyInstanceUid: study.uid,
    accessionNumbers: study.accessionNumbers,
    modalities: study.modalities,
    callingAets: study.callingAeTitles,
    state: study.state,
    source: verdict?.source ?? null,
    confidence: verdict?.confidence ?? null,
    expected: expected ?? null,
    ...{
      received,
      missing: missing ?? null,
      unexpected: unexpected ?? null,
      acknowledged,
      forwarded,
      confirmed,
      waiting,
      lost,
      lostByCount,
    },
    destinations: lines.map(({ destinationId, modality, lostUids: _, ...counts }) => ({
      ...{ destination: destinationId, modality: modality || null, ...counts },
      verify: study.verify[destinationId]?.outcome ?? null,
    })),
    findings: study.findings ?? {},
    firstAt: orNull(study.firstAt),
    lastAt: orNull(study.lastAt),
    closedAt: orNull(study.closedAt),
    generation: study.generation,
    reopened: study.reopened,
    nodes: study.nodes,
    uncertain: isUncertain(study),
    incompleteSince: orNull(study.incompleteSince),
    overflow: study.overflow,
  };
}

export function orNull(at: number | undefined): string | null {
  return at === undefined ? null : iso(at);
}
