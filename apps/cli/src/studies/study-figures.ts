/** How much of a study came, and what became of it, over all its destinations. */
import { type LossLine, lossOf, type StudyPage, type StudyRecord } from '@radiotracer/integrity';

export interface StudyFigures {
  /** Undefined: nobody can say, or it is too early to say. */
  readonly expected: number | undefined;
  readonly received: number;
  readonly missing: number | undefined;
  readonly unexpected: number | undefined;
  readonly acknowledged: number;
  readonly forwarded: number;
  readonly confirmed: number;
  /** To be delivered yet. */
  readonly waiting: number;
  /** Given up, or not there when the destination was asked with patience. */
  readonly lost: number;
  /** A destination counts so many fewer than it was sent; it does not name them. */
  readonly lostByCount: number;
  /** By destination and modality. */
  readonly lines: readonly LossLine[];
}

/** `page`: all of it; without it what was written down when it was last looked at, which of an open study is little. */
export function figuresOf(study: StudyRecord, page: StudyPage | undefined): StudyFigures {
  const lines = page === undefined ? (study.loss ?? []) : lossOf(page);
  const verdict = study.state === 'open' ? undefined : study.verdict;
  const came = page?.instances.filter(({ receivedAt }) => receivedAt !== undefined).length;
  const sum = (of: 'acknowledged' | 'forwarded' | 'confirmed' | 'lost') => lines.reduce((total, line) => total + line[of], 0);
  return {
    expected: verdict?.expected,
    received: came ?? verdict?.received ?? study.instances,
    missing: verdict?.expected === undefined ? undefined : verdict.missing.count,
    unexpected: verdict?.unexpected.count,
    acknowledged: sum('acknowledged'),
    forwarded: sum('forwarded'),
    confirmed: sum('confirmed'),
    waiting: lines.reduce((total, { waiting = 0 }) => total + waiting, 0),
    lost: sum('lost'),
    lostByCount: Object.values(study.verify).reduce(
      (total, { outcome, missing = 0 }) => total + (outcome === 'short-by-count' ? missing : 0),
      0,
    ),
    lines,
  };
}

export function hasLoss({ lost, lostByCount }: StudyFigures): boolean {
  return lost + lostByCount > 0;
}

/** Not all of it was seen by the ledger itself: its counts are a lower bound. */
export function isUncertain({ incompleteSince, overflow }: StudyRecord): boolean {
  return incompleteSince !== undefined || overflow > 0;
}
