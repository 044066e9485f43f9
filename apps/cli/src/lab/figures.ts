/** Numbers for people: three significant digits and a unit. */

/** Milliseconds as `83.1 µs`, `1.24 ms`, `2.50 s`. */
export function duration(ms: number): string {
  if (ms < 0.9995) return `${significant(ms * 1000)} µs`;
  return ms < 999.5 ? `${significant(ms)} ms` : `${significant(ms / 1000)} s`;
}

/** Bytes as `512 B`, `132 kB`, `4.76 MB`. */
export function size(bytes: number): string {
  const units = ['kB', 'MB', 'GB', 'TB'];
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes / 1000;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${significant(value)} ${units[unit]}`;
}

/** `1 slice`, `2 slices`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function significant(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
