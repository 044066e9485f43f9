/** One thing that was measured: how much of each kind went in, and what came out. */
export interface Sample {
  readonly amounts: readonly number[];
  readonly result: number;
}

/**
 * What each kind costs, so that the sums come as near to the results as can be, each error in proportion to its result (least squares). None is
 * below zero: a kind that would be costs nothing. Undefined with fewer samples than kinds.
 */
export function fit(samples: readonly Sample[]): number[] | undefined {
  const kinds = samples[0]?.amounts.length ?? 0;
  if (kinds === 0 || samples.length < kinds) return undefined;
  let counted = Array.from({ length: kinds }, (_, kind) => kind);
  for (;;) {
    const solved = solve(samples, counted);
    if (solved === undefined) return undefined;
    const positive = counted.filter((_, index) => (solved[index] ?? 0) >= 0);
    if (positive.length === counted.length) return Array.from({ length: kinds }, (_, kind) => solved[counted.indexOf(kind)] ?? 0);
    counted = positive;
  }
}

/** The largest error, as a part of what was measured. */
export function worstError(samples: readonly Sample[], costs: readonly number[]): number {
  return Math.max(...samples.map((sample) => Math.abs(sumOf(sample.amounts, costs) / sample.result - 1)));
}

function sumOf(amounts: readonly number[], costs: readonly number[]): number {
  return amounts.reduce((sum, amount, kind) => sum + amount * (costs[kind] ?? 0), 0);
}

/** The normal equations of these kinds alone, by Gauss's elimination. */
function solve(samples: readonly Sample[], kinds: readonly number[]): number[] | undefined {
  const scaled = samples.map(({ amounts, result }) => kinds.map((kind) => (amounts[kind] ?? 0) / result));
  const rows = kinds.map((_, row) => [
    ...kinds.map((_kind, column) => scaled.reduce((sum, values) => sum + (values[row] ?? 0) * (values[column] ?? 0), 0)),
    scaled.reduce((sum, values) => sum + (values[row] ?? 0), 0),
  ]);
  const at = (row: number, column: number) => rows[row]?.[column] ?? 0;
  for (let pivot = 0; pivot < rows.length; pivot += 1) {
    const best = rows.reduce(
      (found, _, row) => (row > pivot && Math.abs(at(row, pivot)) > Math.abs(at(found, pivot)) ? row : found),
      pivot,
    );
    [rows[pivot], rows[best]] = [rows[best] as number[], rows[pivot] as number[]];
    if (at(pivot, pivot) === 0) return undefined;
    for (let row = 0; row < rows.length; row += 1) {
      if (row === pivot) continue;
      const factor = at(row, pivot) / at(pivot, pivot);
      rows[row] = (rows[row] as number[]).map((value, column) => value - factor * at(pivot, column));
    }
  }
  return rows.map((_, row) => at(row, rows.length) / at(row, row));
}
