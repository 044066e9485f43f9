/** OpenTelemetry's own variables, where the SDK leaves them to us. Empty is unset, as its specification says. */

/** The first of the variables that is set. */
export function text(...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = process.env[name]?.trim();
    if (value !== undefined && value !== '') return value;
  }
  return undefined;
}

/** The first of the variables that is a number, zero or more; what is no number is as good as unset. */
export function count(...names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = Number(text(name) ?? Number.NaN);
    if (Number.isFinite(value) && value >= 0) return value;
  }
  return undefined;
}

/** OTEL_SDK_DISABLED. */
export function isSdkDisabled(): boolean {
  return text('OTEL_SDK_DISABLED')?.toLowerCase() === 'true';
}
