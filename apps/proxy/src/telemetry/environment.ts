/**
 * OpenTelemetry's own variables, where the SDK leaves them to us. Empty is unset, and what cannot be understood is as good as unset, as its
 * specification says; otel-findings.ts tells of it.
 */

/** The first of the variables that is set. */
export function text(...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = process.env[name]?.trim();
    if (value !== undefined && value !== '') return value;
  }
  return undefined;
}

/** Whole numbers, from so much; milliseconds where they are a time. */
export const counts = {
  OTEL_EXPORTER_OTLP_TIMEOUT: 1,
  OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: 1,
  OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: 1,
  OTEL_BSP_MAX_QUEUE_SIZE: 1,
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 1,
  OTEL_BSP_SCHEDULE_DELAY: 0,
  OTEL_BSP_EXPORT_TIMEOUT: 1,
  OTEL_METRIC_EXPORT_INTERVAL: 1,
  OTEL_METRIC_EXPORT_TIMEOUT: 1,
  OTEL_ATTRIBUTE_COUNT_LIMIT: 0,
  OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: 0,
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: 0,
  OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: 0,
  OTEL_SPAN_EVENT_COUNT_LIMIT: 0,
  OTEL_SPAN_LINK_COUNT_LIMIT: 0,
} as const;

/** No timer waits longer. */
export const maxCount = 2 ** 31 - 1;

/** The first of the variables that is a whole number within its bounds. Half a span would be sent for ever. */
export function count(...names: readonly (keyof typeof counts)[]): number | undefined {
  const name = names.find((one) => isCount(one, text(one)));
  return name === undefined ? undefined : Number(text(name));
}

export function isCount(name: keyof typeof counts, value: string | undefined): boolean {
  const number = Number(value ?? Number.NaN);
  return Number.isInteger(number) && number >= counts[name] && number <= maxCount;
}

/** From 0 to 1. */
export function ratio(name: string): number | undefined {
  const value = Number(text(name) ?? Number.NaN);
  return value >= 0 && value <= 1 ? value : undefined;
}

const compressions = ['gzip', 'none'] as const;
const protocols = ['http/json'] as const;

/** Words, in whatever letters: those that are followed. */
export const choices = {
  OTEL_SDK_DISABLED: ['true', 'false'],
  OTEL_TRACES_EXPORTER: ['otlp', 'none'],
  // Who asks for Prometheus wants nothing pushed; /metrics is there in any case.
  OTEL_METRICS_EXPORTER: ['otlp', 'none', 'prometheus'],
  OTEL_TRACES_SAMPLER: [
    ...['always_on', 'always_off', 'traceidratio'],
    ...['parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'],
  ],
  OTEL_EXPORTER_OTLP_PROTOCOL: protocols,
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocols,
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: protocols,
  OTEL_EXPORTER_OTLP_COMPRESSION: compressions,
  OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: compressions,
  OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: compressions,
  // The SDK's to read.
  OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: ['cumulative', 'delta', 'lowmemory'],
  OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: ['explicit_bucket_histogram'],
  OTEL_LOGS_EXPORTER: ['none'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The words of the first of the variables that has one which is followed: commas stand between. */
export function choice(...names: readonly (keyof typeof choices)[]): readonly string[] | undefined {
  for (const name of names) {
    const followed: readonly string[] = choices[name];
    const words = wordsOf(name).filter((word) => followed.includes(word));
    if (words.length > 0) return words;
  }
  return undefined;
}

/** All words of a variable, in small letters. */
export function wordsOf(name: string): readonly string[] {
  const words = text(name)?.toLowerCase().split(',') ?? [];
  return words.map((word) => word.trim()).filter((word) => word !== '');
}

/** OTEL_SDK_DISABLED. */
export function isSdkDisabled(): boolean {
  return choice('OTEL_SDK_DISABLED')?.[0] === 'true';
}
