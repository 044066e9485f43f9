/** OpenTelemetry's exporters as we want them, to an endpoint. */
import type { MeterProvider } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { count } from './environment.ts';
import type { OtlpEndpoint } from './otlp-endpoint.ts';

/** In milliseconds, where no variable says another. Short: a dead collector must not hold up the end. */
export const exporterTimeoutMs = 3000;
/** In the queue, at most; and in a batch. */
export const maxQueuedSpans = 8192;
export const maxBatchSpans = 256;

type Compression = NonNullable<NonNullable<ConstructorParameters<typeof OTLPTraceExporter>[0]>['compression']>;

/** @param selfObsMeterProvider for the exporter's metrics of itself */
export function spanExporter({ url, compression }: OtlpEndpoint, selfObsMeterProvider?: MeterProvider): OTLPTraceExporter {
  return new OTLPTraceExporter({
    url,
    compression: compression as Compression,
    timeoutMillis: count('OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', 'OTEL_EXPORTER_OTLP_TIMEOUT') ?? exporterTimeoutMs,
    ...(selfObsMeterProvider === undefined ? {} : { selfObsMeterProvider }),
    // A flush sends the whole queue at once; the default of 30 would refuse the last batches of a full one.
    concurrencyLimit: Math.ceil(maxQueuedSpans / maxBatchSpans) * 2,
  });
}

export function metricExporter({ url, compression }: OtlpEndpoint): OTLPMetricExporter {
  return new OTLPMetricExporter({
    url,
    compression: compression as Compression,
    timeoutMillis: count('OTEL_EXPORTER_OTLP_METRICS_TIMEOUT', 'OTEL_EXPORTER_OTLP_TIMEOUT') ?? exporterTimeoutMs,
  });
}
