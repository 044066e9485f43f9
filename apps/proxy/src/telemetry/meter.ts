/**
 * The meter provider: made before anything takes an instrument (those made before are no-ops for ever), read by whoever scrapes and, where
 * there is an OTLP receiver, pushed to it.
 */
import { createNoopMeter, type Meter, type MeterProvider } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { type IMetricReader, PeriodicExportingMetricReader, MeterProvider as SdkMeterProvider } from '@opentelemetry/sdk-metrics';
import { count } from './environment.ts';
import type { Watched } from './export-watch.ts';
import { exporterTimeoutMs, metricExporter } from './otlp-exporters.ts';
import { prometheusText, ScrapeReader } from './prometheus-text.ts';
import { WatchedMetricExporter } from './watched-metric-exporter.ts';

export interface RunningMeter {
  readonly meter: Meter;
  /** For the SDK's metrics of itself; undefined when disabled. */
  readonly provider: MeterProvider | undefined;
  /** What can be scraped, in Prometheus' text format; undefined when disabled, and after the shutdown. */
  text(): Promise<string | undefined>;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

export interface MeterConfig {
  readonly scope: string;
  readonly version: string | undefined;
  readonly resource: Resource;
  /** Undefined: nothing is pushed. */
  readonly pushed: Watched | undefined;
}

export function startMeter(config: MeterConfig): RunningMeter {
  const { scope, version, resource, pushed } = config;
  const scraped = new ScrapeReader();
  const readers: IMetricReader[] = [scraped];
  if (pushed !== undefined) readers.push(pushingReader(pushed));
  let isDown = false;
  /** Under way: two at once would share what was observed between them, and neither had all of it. */
  let asked: Promise<string> | undefined;
  const ask = () => {
    asked ??= prometheusText(scraped).finally(() => {
      asked = undefined;
    });
    return asked;
  };
  const provider = new SdkMeterProvider({ resource, readers });
  return {
    meter: provider.getMeter(scope, version),
    provider,
    text: async () => (isDown ? undefined : await ask()),
    forceFlush: () => provider.forceFlush(),
    shutdown: () => {
      isDown = true;
      return provider.shutdown();
    },
  };
}

/** For OTEL_SDK_DISABLED. */
export function noMeter(): RunningMeter {
  return {
    meter: createNoopMeter(),
    provider: undefined,
    text: async () => undefined,
    forceFlush: async () => {},
    shutdown: async () => {},
  };
}

function pushingReader({ endpoint, watch }: Watched): IMetricReader {
  const exportIntervalMillis = count('OTEL_METRIC_EXPORT_INTERVAL') ?? 60_000;
  const exportTimeoutMillis = count('OTEL_METRIC_EXPORT_TIMEOUT') ?? exporterTimeoutMs + 500;
  return new PeriodicExportingMetricReader({
    exporter: new WatchedMetricExporter(metricExporter(endpoint), watch),
    exportIntervalMillis,
    exportTimeoutMillis: Math.min(exportTimeoutMillis, exportIntervalMillis),
  });
}
