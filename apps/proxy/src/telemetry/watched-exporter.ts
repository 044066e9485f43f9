import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { ExportWatch } from './export-watch.ts';

type Done = Parameters<SpanExporter['export']>[1];

/** What became of the spans that were handed to the exporter. */
export interface ExportStats {
  readonly exportedSpans: number;
  readonly failedSpans: number;
}

/** Counts what gets through, and tells the watch. */
export class WatchedExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  readonly #watch: ExportWatch;
  #exportedSpans = 0;
  #failedSpans = 0;

  constructor(inner: SpanExporter, watch: ExportWatch) {
    this.#inner = inner;
    this.#watch = watch;
  }

  get stats(): ExportStats {
    return { exportedSpans: this.#exportedSpans, failedSpans: this.#failedSpans };
  }

  export(spans: ReadableSpan[], done: Done): void {
    this.#inner.export(spans, (result) => {
      // 0 is ExportResultCode.SUCCESS.
      const failed = result.code !== 0;
      if (failed) this.#failedSpans += spans.length;
      else this.#exportedSpans += spans.length;
      done(result);
      this.#watch.ended(failed);
    });
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  forceFlush(): Promise<void> {
    return this.#inner.forceFlush?.() ?? Promise.resolve();
  }
}
