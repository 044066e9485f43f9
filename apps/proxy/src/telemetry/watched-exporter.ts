import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';

type Done = Parameters<SpanExporter['export']>[1];

/** What became of the spans that were handed to the exporter. */
export interface ExportStats {
  readonly exportedSpans: number;
  readonly failedSpans: number;
}

/**
 * Counts what gets through and says when that changes: once when exports begin to fail, once when they work again. Why is not
 * said: an exporter's message may quote what it was to send.
 */
export class WatchedExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  readonly #onChange: (state: 'failing' | 'working') => void;
  #exportedSpans = 0;
  #failedSpans = 0;
  #isFailing = false;

  constructor(inner: SpanExporter, onChange: (state: 'failing' | 'working') => void) {
    this.#inner = inner;
    this.#onChange = onChange;
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
      if (failed === this.#isFailing) return;
      this.#isFailing = failed;
      this.#onChange(failed ? 'failing' : 'working');
    });
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  forceFlush(): Promise<void> {
    return this.#inner.forceFlush?.() ?? Promise.resolve();
  }
}
