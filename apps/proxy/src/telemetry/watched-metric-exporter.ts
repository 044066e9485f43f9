import { InstrumentType, type PushMetricExporter, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { outcomeOf } from './export-outcome.ts';
import type { ExportWatch } from './export-watch.ts';
import { temporality } from './prometheus-text.ts';

type Done = Parameters<PushMetricExporter['export']>[1];

/** Tells the watch whether metrics get through. */
export class WatchedMetricExporter implements PushMetricExporter {
  readonly selectAggregation: NonNullable<PushMetricExporter['selectAggregation']>;
  readonly selectAggregationTemporality: NonNullable<PushMetricExporter['selectAggregationTemporality']>;
  readonly #inner: PushMetricExporter;
  readonly #watch: ExportWatch;

  constructor(
    inner: Required<Pick<PushMetricExporter, 'selectAggregation' | 'selectAggregationTemporality'>> & PushMetricExporter,
    watch: ExportWatch,
  ) {
    this.#inner = inner;
    this.#watch = watch;
    this.selectAggregation = (type) => inner.selectAggregation(type);
    // What the environment says of temporality is for sums and histograms; see `temporality`.
    this.selectAggregationTemporality = (type) =>
      type === InstrumentType.OBSERVABLE_GAUGE ? temporality(type) : inner.selectAggregationTemporality(type);
  }

  export(metrics: ResourceMetrics, done: Done): void {
    this.#inner.export(metrics, (result) => {
      this.#watch.ended(outcomeOf(result, dataPoints(metrics)));
      done(result);
    });
  }

  forceFlush(): Promise<void> {
    return this.#inner.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }
}

function dataPoints({ scopeMetrics }: ResourceMetrics): number {
  const all = scopeMetrics.flatMap(({ metrics }) => metrics);
  return all.reduce((sum, { dataPoints }) => sum + dataPoints.length, 0);
}
