/** OpenTelemetry's own variables, where the SDK leaves them to us. Empty is unset, as its specification says. */

/** The first of the variables that is set. */
export function text(...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = process.env[name]?.trim();
    if (value !== undefined && value !== '') return value;
  }
  return undefined;
}

/** No timer waits longer. */
const maxCount = 2 ** 31 - 1;

/** The first of the variables that is a whole number, zero or more; anything else is as good as unset. Half a span would be sent for ever. */
export function count(...names: readonly string[]): number | undefined {
  const values = names.map((name) => Number(text(name) ?? Number.NaN));
  return values.find((value) => Number.isInteger(value) && value >= 0 && value <= maxCount);
}

/** From 0 to 1; anything else is as good as unset. */
export function ratio(name: string): number | undefined {
  const value = Number(text(name) ?? Number.NaN);
  return value >= 0 && value <= 1 ? value : undefined;
}

/** OTEL_SDK_DISABLED. */
export function isSdkDisabled(): boolean {
  return text('OTEL_SDK_DISABLED')?.toLowerCase() === 'true';
}
