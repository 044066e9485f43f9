/** Units of a written duration, in milliseconds. */
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What {@link parseDuration} takes, in words. */
export const DURATION_ALLOWED = 'a number with a unit: 250ms, 20s, 5m, 12h, 7d';

/** `250ms`, `20s`, `1.5h`, `7d` to whole milliseconds; a bare `0` is zero. Undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/.exec(text);
  const unitMs = UNIT_MS[match?.[2] ?? ''];
  if (match === null || unitMs === undefined) return undefined;
  return wholeNumber(Number(match[1]) * unitMs);
}

/** The shortest text that {@link parseDuration} reads back as the same number of milliseconds. */
export function formatDuration(durationMs: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const unitMs = UNIT_MS[unit];
    if (unitMs !== undefined && durationMs !== 0 && durationMs % unitMs === 0) return `${durationMs / unitMs}${unit}`;
  }
  return `${durationMs}ms`;
}

function wholeNumber(value: number): number | undefined {
  const whole = Math.round(value);
  return Number.isSafeInteger(whole) ? whole : undefined;
}
