export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Undefined of nothing. */
export function spread(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) return undefined;
  const low = sorted[(sorted.length - 1) >> 1] ?? min;
  const high = sorted[sorted.length >> 1] ?? max;
  return { median: (low + high) / 2, min, max };
}
