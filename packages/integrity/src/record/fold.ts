/**
 * Merges whose result does not depend on order or repetition: what several nodes saw, in whatever order it is written down, comes out the
 * same. Bounded sets keep the least of their values, whatever came first.
 */

export function least<T extends string | number>(one: T | undefined, other: T | undefined): T | undefined {
  if (one === undefined) return other;
  return other === undefined || one < other ? one : other;
}

export function greatest<T extends string | number>(one: T | undefined, other: T | undefined): T | undefined {
  if (one === undefined) return other;
  return other === undefined || one > other ? one : other;
}

/** Both, sorted, each once; the first `max`. Returns `one` itself where it has them all already. */
export function united<T extends string | number>(one: readonly T[], other: readonly T[], max: number): readonly T[] {
  if (other.every((value) => one.includes(value))) return one;
  return [...new Set([...one, ...other])].sort((a, b) => (a < b ? -1 : 1)).slice(0, max);
}

/** An object without what is undefined: as JSON gives it back. */
export function defined<T extends object>(value: T): T {
  const names = Object.keys(value) as (keyof T)[];
  if (names.every((name) => value[name] !== undefined)) return value;
  // A new one: an object that names were deleted from is slow ever after.
  const kept = {} as T;
  for (const name of names) if (value[name] !== undefined) kept[name] = value[name];
  return kept;
}
