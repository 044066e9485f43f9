/** This run held against the kept one. */
import { type Figure, isMet, type Row } from './figure.ts';

/** More than this is no noise: medians of ratios of an idle machine differ by some hundredths from run to run. */
export const tolerated = 0.15;

/** A figure as it was kept, and by which commit. */
export interface KeptFigure extends Pick<Figure, 'value'> {
  readonly commit: string;
}

/** Undefined: none was kept. */
export type FindKept = (row: string, what: string) => KeptFigure | undefined;

export interface Comparison {
  readonly work: string;
  readonly figure: Figure;
  readonly kept: KeptFigure;
  /** As a fraction: 0.2 is a fifth worse. Below zero it has got better. */
  readonly worseBy: number;
  readonly isRegression: boolean;
}

/**
 * Every figure that can be compared and has a kept one. For figures of which more is better it is the kept one that is divided, so that
 * the same loss of time counts the same in both kinds: half the rate is as bad as twice the time.
 */
export function compare(rows: readonly Row[], findKept: FindKept): Comparison[] {
  return rows.flatMap(({ name, work, figures }) =>
    figures.flatMap((figure) => {
      const kept = figure.isComparable ? findKept(name, figure.what) : undefined;
      if (kept === undefined) return [];
      const worseBy = (figure.better === 'lower' ? figure.value / kept.value : kept.value / figure.value) - 1;
      // What cannot be calculated is nothing to be silent about.
      return [{ work, figure, kept, worseBy, isRegression: !(worseBy <= tolerated) }];
    }),
  );
}

/** For the terminal: a line for each that is worse, and one that says how many were looked at. */
export function reportComparisons(comparisons: readonly Comparison[]): string[] {
  const worse = comparisons.filter(({ isRegression }) => isRegression);
  const lines = worse.map(({ work, figure, kept, worseBy }) => {
    const goal = isMet(figure) === false ? ', and the goal is missed' : '';
    return `WORSE  ${work}: ${figure.value.toFixed(2)} ${figure.what}, was ${kept.value.toFixed(2)} at ${kept.commit}: worse by ${Math.round(worseBy * 100)} %${goal}`;
  });
  const limit = `${tolerated * 100} %`;
  if (comparisons.length === 0) return ['nothing kept to compare with'];
  const verdict = worse.length === 0 ? `none is worse by more than ${limit}` : `${worse.length} worse by more than ${limit}`;
  return [...lines, `${comparisons.length} figures compared with the kept ones: ${verdict}`];
}
