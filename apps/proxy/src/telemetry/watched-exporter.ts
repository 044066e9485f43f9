import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { outcomeOf } from './export-outcome.ts';
import type { ExportWatch } from './export-watch.ts';
import { takeDroppedSpans } from './sdk-diagnostics.ts';

type Done = Parameters<SpanExporter['export']>[1];

/** Tells the watch whether spans get through. */
export class WatchedExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  readonly #watch: ExportWatch;

  constructor(inner: SpanExporter, watch: ExportWatch) {
    this.#inner = inner;
    this.#watch = watch;
  }

  export(spans: ReadableSpan[], done: Done): void {
    this.#inner.export(spans, (result) => {
      const outcome = outcomeOf(result, spans.length);
      done(result);
      this.#watch.lose(takeDroppedSpans());
      this.#watch.ended(outcome);
    });
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  forceFlush(): Promise<void> {
    return this.#inner.forceFlush?.() ?? Promise.resolve();
  }
}
