import type { CommitmentState, StudyPage, VerifyState } from '@radiotracer/integrity';
import { iso } from '../queue/words.ts';
import { detailsOf } from './study-details.ts';
import { orNull, studyJson } from './study-json.ts';
import { documentSentence, noteSentence } from './study-words.ts';

/** All of a study for a program, as {@link studyJson} begins it. */
export function pageJson(page: StudyPage) {
  const { figures, verdict, findings, series, destinations } = detailsOf(page);
  return {
    ...studyJson(page.study, figures),
    verdict: {
      ...{ state: verdict.state, source: verdict.source, confidence: verdict.confidence, expected: verdict.expected ?? null },
      ...{ received: verdict.received, missing: verdict.missing, unexpected: verdict.unexpected, evidence: verdict.evidence },
      notes: verdict.notes.map((note) => ({ ...note, text: noteSentence(note) })),
    },
    findings: findings.map(({ kind, count, uids }) => ({ kind, count, uids })),
    series: series.map(({ uid, ...rest }) => ({ seriesInstanceUid: uid || null, ...rest })),
    destinations: destinations.map(({ id, verify, removedAt, ...rest }) => ({
      destination: id,
      ...rest,
      removedAt: orNull(removedAt),
      verify: verifyJson(verify),
    })),
    documents: page.documents.map((document) => ({
      ...{ id: document.id, kind: document.kind, at: iso(document.at), text: documentSentence(document) },
      failedUids: document.kind === 'retrieve' ? document.failedUids : [],
    })),
    nextLookAt: orNull(page.study.dueAt),
  };
}

function verifyJson(verify: VerifyState | undefined) {
  if (verify === undefined) return null;
  const { outcome, method, attempts, failures, isOwed = false, missing, answeredAt, nextAt, commitment } = verify;
  return {
    ...{ outcome: outcome ?? null, method, attempts, failures, isOwed, missing: missing ?? null },
    ...{ answeredAt: orNull(answeredAt), nextAt: orNull(nextAt) },
    commitment: commitment === undefined ? null : commitmentJson(commitment),
  };
}

function commitmentJson({ outcome, committed, refused, rounds, unreported, waiting }: CommitmentState) {
  return { outcome: outcome ?? null, committed, refused, rounds, unreported, waitingSince: orNull(waiting?.askedAt) };
}
