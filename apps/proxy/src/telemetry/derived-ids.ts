import type { Context, Span, SpanOptions } from '@opentelemetry/api';
import { type IdGenerator, RandomIdGenerator, TracerProvider, type TracerProviderOptions } from '@opentelemetry/sdk-trace';
import type { ForcedIds, RootTracer } from '@radiotracer/telemetry';

/** Gives the ids it was handed for one span, and random ones at any other time. */
class OneShotIdGenerator implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  #next: ForcedIds | undefined;

  generateTraceId(): string {
    return this.#next?.traceId ?? this.#random.generateTraceId();
  }

  generateSpanId(): string {
    return this.#next?.spanId ?? this.#random.generateSpanId();
  }

  /** Starting a span is synchronous, and so nothing else can take the ids. */
  with(ids: ForcedIds, start: () => Span): Span {
    this.#next = ids;
    try {
      return start();
    } finally {
      this.#next = undefined;
    }
  }
}

/**
 * The tracer for roots and series of studies: a provider of its own, so that no other span can get a derived id by mistake. It
 * shares the span processors of the main provider, which also shuts them down.
 */
export function createRootTracer(options: TracerProviderOptions, scope: string, isSampled: (traceId: string) => boolean): RootTracer {
  const idGenerator = new OneShotIdGenerator();
  const tracer = new TracerProvider({ ...options, idGenerator }).getTracer(scope);
  return {
    isSampled,
    startSpan: (ids: ForcedIds, name: string, spanOptions: SpanOptions, context: Context) =>
      idGenerator.with(ids, () => tracer.startSpan(name, spanOptions, context)),
  };
}
