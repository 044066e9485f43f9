import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import {
  AggregationTemporality,
  DataPointType,
  InstrumentType,
  type MetricData,
  MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { prometheusName } from '@radiotracer/telemetry';

/** Longer than this a scrape does not wait for what is asked of others. */
const patienceMs = 3000;

/** Collects when it is asked, and never by itself. */
export class ScrapeReader extends MetricReader {
  constructor() {
    super({ aggregationTemporalitySelector: temporality });
  }

  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/**
 * Cumulative, but for what is a gauge for us: a gauge's points are the same either way, and cumulative ones the SDK goes on to tell when
 * nobody observes them any more.
 */
export function temporality(type: InstrumentType): AggregationTemporality {
  return type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
}

// Scope labels would stand on every line and always say the same.
const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);

export async function prometheusText(reader: ScrapeReader): Promise<string> {
  const { resourceMetrics } = await reader.collect({ timeoutMillis: patienceMs });
  return `${serializer.serialize(named(resourceMetrics)).trimEnd()}\n`;
}

/** The serializer leaves units out of names; a collector puts them in. Here they are in, so that a query is good for both. */
function named(resourceMetrics: ResourceMetrics): ResourceMetrics {
  const scopeMetrics = resourceMetrics.scopeMetrics.map((scope) => ({ ...scope, metrics: scope.metrics.map(namedMetric) }));
  return { ...resourceMetrics, scopeMetrics };
}

function namedMetric(metric: MetricData): MetricData {
  const { name, unit } = metric.descriptor;
  return { ...metric, descriptor: { ...metric.descriptor, name: prometheusName(name, { instrument: instrumentOf(metric), unit }) } };
}

function instrumentOf(metric: MetricData): 'histogram' | 'counter' | 'up-down-counter' | 'gauge' {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
      return metric.isMonotonic ? 'counter' : 'up-down-counter';
    case DataPointType.GAUGE:
      return 'gauge';
    default:
      return 'histogram';
  }
}
