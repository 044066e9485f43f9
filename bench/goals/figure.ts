/** What is measured, and what it is held against. */

export interface Figure {
  /** What stands behind the number, `× direct` or `ms`: unique in its row, and how a kept figure is found again. */
  readonly what: string;
  readonly value: number;
  /** Over the rounds, where there was more than one. */
  readonly range?: { readonly min: number; readonly max: number };
  readonly better: 'lower' | 'higher';
  /** The least, or the most, that is good enough. Left out: there is no goal, and the figure is here to be compared with the kept one. */
  readonly goal?: number;
  /**
   * Whether it is the same on another machine, or on this one on another day, as long as the code is: ratios of two things measured in turns,
   * and amounts of memory. Times are not, and are never compared.
   */
  readonly isComparable: boolean;
}

/** One thing that was measured, with all figures of it. */
export interface Row {
  readonly name: string;
  /** What was done, with its counts. */
  readonly work: string;
  readonly figures: readonly Figure[];
  /** What a reader should know beside the figures; each a sentence or less. */
  readonly notes?: readonly string[];
}

interface Values {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Of the rounds: the median counts. @throws Error when there is nothing that can be counted, so that no figure is invented */
export function figure(
  what: string,
  values: Values | undefined,
  { better = 'lower', goal, isComparable = true }: Partial<Pick<Figure, 'better' | 'goal' | 'isComparable'>> = {},
): Figure {
  if (values === undefined || !Number.isFinite(values.median)) throw new Error(`${what}: nothing was measured`);
  const { median, min, max } = values;
  return {
    what,
    value: median,
    ...(min === max ? {} : { range: { min, max } }),
    better,
    ...(goal === undefined ? {} : { goal }),
    isComparable,
  };
}

/** Undefined: there is no goal. */
export function isMet({ value, better, goal }: Figure): boolean | undefined {
  if (goal === undefined) return undefined;
  return better === 'lower' ? value <= goal : value >= goal;
}
