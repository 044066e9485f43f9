import type { Context, Span, SpanOptions } from '@opentelemetry/api';

/** Ids that a span is to have; lowercase hexadecimal. */
export interface ForcedIds {
  /** 32 digits; the parent's where there is one. */
  readonly traceId: string;
  /** 16 digits. */
  readonly spanId: string;
}

/**
 * Starts the few spans whose ids are known before: a study's root and its series, and what was spooled with its trace context. The
 * application implements it with a second TracerProvider that shares the span processors, because a deterministic id generator must never be provider-wide.
 */
export interface RootTracer {
  /** What head sampling says of a trace id; the same on every node. */
  isSampled(traceId: string): boolean;
  /** @param context carries the parent, or none for a root. */
  startSpan(ids: ForcedIds, name: string, options: SpanOptions, context: Context): Span;
}
