/**
 * OpenTelemetry's SDK, put together by hand: no detectors (they publish the command line and the owner), no instrumentations (they
 * publish keys), small batches (a large one holds up the event loop), short time-outs (a dead collector must not hold up the end).
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Meter, type MeterProvider, type Tracer, trace } from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  type Resource,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  NoopSpanProcessor,
  type Sampler,
  SimpleSpanProcessor,
  type SpanExporter,
  type SpanLimits,
  type SpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { RootTracer } from '@radiotracer/telemetry';
import { createRootTracer } from './derived-ids.ts';
import { count, isSdkDisabled } from './environment.ts';
import { type ExportCounts, type ExportNews, ExportWatch, type Watched } from './export-watch.ts';
import { isSampled, rootSampler, withParents } from './head-sampler.ts';
import { noMeter, startMeter } from './meter.ts';
import { type OtlpEndpoint, otlpEndpoint, type Signal } from './otlp-endpoint.ts';
import { exporterTimeoutMs, maxBatchSpans, maxQueuedSpans, spanExporter } from './otlp-exporters.ts';
import { hearSdk } from './sdk-diagnostics.ts';
import { WatchedExporter } from './watched-exporter.ts';

export interface TelemetrySdkConfig {
  /** Base URL of an OTLP/HTTP receiver; undefined: nothing is exported, unless `OTEL_*` variables say so. */
  readonly otlp: string | undefined;
  readonly serviceVersion?: string;
  /** Gets every span in this process as it ends, whatever is exported. */
  readonly localExporter?: SpanExporter;
  /** Exports of a signal to the OTLP receiver began to fail, or work again, or it says something of them. */
  readonly onExport?: (signal: Signal, endpoint: OtlpEndpoint, news: ExportNews) => void;
  /** How long a flush and the shutdown may take. Default 3000. */
  readonly shutdownTimeoutMs?: number;
}

/** Which traces are kept, for those who have no sampler of their own: all, none, or as {@link rootSampler} says. */
export type SamplingRule = 'all' | 'none' | 'sampler';

export interface TelemetrySdk {
  readonly sampling: SamplingRule;
  readonly tracer: Tracer;
  readonly rootTracer: RootTracer;
  readonly meter: Meter;
  /** Undefined: spans go nowhere but to the local exporter. */
  readonly endpoint: OtlpEndpoint | undefined;
  /** Of the signals that are exported. */
  exports(): ReadonlyMap<Signal, ExportCounts>;
  /** Metrics in Prometheus' text format; undefined when disabled, and after the shutdown. */
  metricsText(): Promise<string | undefined>;
  /** Exports what has ended; never rejects, and gives up after the time-out. */
  forceFlush(): Promise<void>;
  /** Exports what has ended and stops; never rejects, and gives up after the time-out. */
  shutdown(): Promise<void>;
}

const scope = 'radiotracer';

/** Registers nothing global but who hears the SDK: who is handed the tracers and the meter has them. */
export function startTelemetrySdk(config: TelemetrySdkConfig): TelemetrySdk {
  const { shutdownTimeoutMs = exporterTimeoutMs, onExport = () => {} } = config;
  const isDisabled = isSdkDisabled();
  const watches = new Map<Signal, ExportWatch>();
  const watched = (signal: Signal): Watched | undefined => {
    const endpoint = isDisabled ? undefined : otlpEndpoint(signal, config.otlp);
    if (endpoint === undefined) return undefined;
    const watch = new ExportWatch((news) => onExport(signal, endpoint, news));
    watches.set(signal, watch);
    return { endpoint, watch };
  };
  hearSdk();
  const resource = resourceOf(config.serviceVersion);
  const metrics = isDisabled ? noMeter() : startMeter({ scope, version: config.serviceVersion, resource, pushed: watched('metrics') });
  const traces = watched('traces');
  const otlp = traces && new WatchedExporter(spanExporter(traces.endpoint, metrics.provider), traces.watch);
  const processors = isDisabled ? [] : spanProcessors(otlp, config.localExporter, metrics.provider);
  // Nobody listens: spans are not recorded, and yet have ids, for the log lines.
  const root = processors.length === 0 ? new AlwaysOffSampler() : rootSampler();
  const shared = {
    resource,
    sampler: withParents(root),
    spanLimits: spanLimits(),
    spanProcessors: processors.length === 0 ? [new NoopSpanProcessor()] : processors,
  };
  const provider = new TracerProvider(shared);
  const within = (work: Promise<unknown>): Promise<void> => raced(work, shutdownTimeoutMs);
  return {
    sampling: samplingRule(root),
    // Nothing is registered globally: there the API's own tracers are, that make nothing.
    tracer: (isDisabled ? trace : provider).getTracer(scope, config.serviceVersion),
    rootTracer: createRootTracer(shared, scope, (traceId) => isSampled(root, traceId)),
    meter: metrics.meter,
    endpoint: traces?.endpoint,
    exports: () => new Map([...watches].map(([signal, { counts }]) => [signal, counts])),
    metricsText: () => metrics.text(),
    forceFlush: () =>
      within(Promise.allSettled([metrics.forceFlush(), ...shared.spanProcessors.map((processor) => processor.forceFlush())])),
    shutdown: async () => {
      // Together, so that a receiver that hangs is waited for once.
      await within(Promise.allSettled([provider.shutdown(), metrics.shutdown()]));
    },
  };
}

function spanProcessors(
  otlp: SpanExporter | undefined,
  local: SpanExporter | undefined,
  selfObsMeterProvider: MeterProvider | undefined,
): SpanProcessor[] {
  const processors: SpanProcessor[] = [];
  if (otlp !== undefined) {
    processors.push(
      new BatchSpanProcessor({
        exporter: otlp,
        ...(selfObsMeterProvider === undefined ? {} : { selfObsMeterProvider }),
        maxQueueSize: count('OTEL_BSP_MAX_QUEUE_SIZE') ?? maxQueuedSpans,
        maxExportBatchSize: count('OTEL_BSP_MAX_EXPORT_BATCH_SIZE') ?? maxBatchSpans,
        scheduledDelayMillis: count('OTEL_BSP_SCHEDULE_DELAY') ?? 5000,
        exportTimeoutMillis: count('OTEL_BSP_EXPORT_TIMEOUT') ?? exporterTimeoutMs + 500,
      }),
    );
  }
  if (local !== undefined) processors.push(new SimpleSpanProcessor({ exporter: local }));
  return processors;
}

function resourceOf(version: string | undefined): Resource {
  const own = {
    'service.name': 'radiotracer',
    'service.instance.id': randomUUID(),
    ...(version === undefined ? {} : { 'service.version': version }),
  };
  return defaultResource()
    .merge(resourceFromAttributes(own))
    .merge(detectResources({ detectors: [resourceAttributesEnvDetector] }))
    .merge(detectResources({ detectors: [serviceNameEnvDetector] }));
}

function spanLimits(): SpanLimits {
  return {
    attributeCountLimit: count('OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT', 'OTEL_ATTRIBUTE_COUNT_LIMIT') ?? 48,
    attributeValueLengthLimit: count('OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT', 'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT') ?? 256,
    eventCountLimit: count('OTEL_SPAN_EVENT_COUNT_LIMIT') ?? 32,
    linkCountLimit: count('OTEL_SPAN_LINK_COUNT_LIMIT') ?? 32,
  };
}

function samplingRule(root: Sampler): SamplingRule {
  if (root instanceof AlwaysOffSampler) return 'none';
  return root instanceof AlwaysOnSampler ? 'all' : 'sampler';
}

async function raced(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  const ended = new AbortController();
  const limit = sleep(timeoutMs, undefined, { signal: ended.signal }).catch(() => {});
  await Promise.race([work.catch(() => {}), limit]);
  ended.abort();
}
