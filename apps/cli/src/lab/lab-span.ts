import type { ProxyPorts } from '@radiotracer/proxy';

export type SpanExporter = NonNullable<ProxyPorts['localExporter']>;
type ReadableSpan = Parameters<SpanExporter['export']>[0][number];

/** A span that ended, as the lab prints it. */
export interface LabSpan {
  readonly name: string;
  readonly kind: 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER';
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined: the root of its trace. */
  readonly parentSpanId: string | undefined;
  /** Milliseconds since the Unix epoch, with fractions. */
  readonly startAt: number;
  readonly durationMs: number;
  readonly status: 'UNSET' | 'OK' | 'ERROR';
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly kind: unknown; readonly traceId: string; readonly spanId: string }[];
}

const kinds = ['INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'] as const;
const statuses = ['UNSET', 'OK', 'ERROR'] as const;

function labSpan(span: ReadableSpan): LabSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    name: span.name,
    kind: kinds[span.kind] ?? 'INTERNAL',
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    startAt: milliseconds(span.startTime),
    durationMs: milliseconds(span.duration),
    status: statuses[span.status.code] ?? 'UNSET',
    attributes: { ...span.attributes },
    links: span.links.map(({ context, attributes }) => ({
      kind: attributes?.['radiotracer.link.kind'],
      traceId: context.traceId,
      spanId: context.spanId,
    })),
  };
}

function milliseconds([seconds, nanoseconds]: readonly [number, number]): number {
  return seconds * 1000 + nanoseconds / 1e6;
}

/** Past it, whole traces are forgotten, the oldest first. */
const maxSpans = 20_000;

/** Keeps the spans of the proxy by trace, and tells when a study's trace is complete: its root is written last. */
export class SpanRecord implements SpanExporter {
  readonly #byTrace = new Map<string, LabSpan[]>();
  readonly #onStudy: (root: LabSpan) => void;
  #count = 0;

  constructor(onStudy: (root: LabSpan) => void) {
    this.#onStudy = onStudy;
  }

  /** Undefined for a trace that is not known, or was forgotten. */
  trace(traceId: string): readonly LabSpan[] | undefined {
    return this.#byTrace.get(traceId);
  }

  export(spans: readonly ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    for (const readable of spans) {
      const span = labSpan(readable);
      const trace = this.#byTrace.get(span.traceId);
      if (trace === undefined) this.#byTrace.set(span.traceId, [span]);
      else trace.push(span);
      this.#count++;
      if (span.name === 'study' && span.parentSpanId === undefined) this.#onStudy(span);
    }
    for (const [traceId, trace] of this.#byTrace) {
      if (this.#count <= maxSpans) break;
      this.#byTrace.delete(traceId);
      this.#count -= trace.length;
    }
    done({ code: 0 });
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
