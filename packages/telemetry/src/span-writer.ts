/**
 * The one place where spans are made. Attributes come in as registry values and go through the gate, times are explicit, links are
 * limited; names are put together by the stories from closed lists and from names of the configuration.
 */
import {
  type Context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { AttributeValues } from './attribute.ts';
import type { AttributeGate } from './attribute-gate.ts';
import { toHrTime } from './epoch-time.ts';
import type { EpochMs } from './event.ts';
import type { ForcedIds, RootTracer } from './root-tracer.ts';

/** What a link leads to. */
type LinkKind = 'pair' | 'study' | 'association' | 'earlier' | 'send';

export interface SpanLink {
  readonly to: SpanContext;
  readonly kind: LinkKind;
}

export interface SpanStart {
  readonly name: string;
  readonly kind: SpanKind;
  /** Undefined: a root, with a random trace id of its own. */
  readonly parent: SpanContext | undefined;
  readonly startAt: EpochMs;
  readonly values: AttributeValues;
  readonly links?: readonly SpanLink[];
}

export interface SpanEnd {
  readonly endAt: EpochMs;
  readonly status: SpanStatus;
  readonly events?: readonly SpanEvent[];
}

/** Closed: event names are as public as span names. */
export type SpanEventName = 'first_byte' | 'take_over' | 'spooled' | 'ack_sent' | 'finding';

interface SpanEvent {
  readonly name: SpanEventName;
  readonly at: EpochMs;
  readonly values?: AttributeValues;
}

/** A span that is still open. */
export interface OpenSpan {
  readonly context: SpanContext;
  set(values: AttributeValues): void;
  event(name: SpanEventName, at: EpochMs): void;
  /** Past 32 links the later ones are left out. */
  link(link: SpanLink): void;
  end(end: SpanEnd): void;
}

const maxLinks = 32;

export class SpanWriter {
  readonly #tracer: Tracer;
  readonly #rootTracer: RootTracer;
  readonly #gate: AttributeGate;

  constructor(tracer: Tracer, rootTracer: RootTracer, gate: AttributeGate) {
    this.#tracer = tracer;
    this.#rootTracer = rootTracer;
    this.#gate = gate;
  }

  /** Starts a span that ends later. */
  open(start: SpanStart): OpenSpan {
    const span = this.#tracer.startSpan(start.name, this.#options(start), parentContext(start.parent));
    this.#set(span, start.values);
    let links = start.links?.length ?? 0;
    return {
      context: span.spanContext(),
      set: (values) => this.#set(span, values),
      event: (name, at) => {
        span.addEvent(name, toHrTime(at));
      },
      link: (link) => {
        if (links >= maxLinks) return;
        links += 1;
        span.addLink(this.#link(link));
      },
      end: (end) => this.#finish(span, end),
    };
  }

  /** A span that is over already. */
  write(span: SpanStart & SpanEnd): SpanContext {
    const started = this.#tracer.startSpan(span.name, this.#options(span), parentContext(span.parent));
    this.#set(started, span.values);
    this.#finish(started, span);
    return started.spanContext();
  }

  /** A span that is over already and has ids that are known before. */
  writeDerived(ids: ForcedIds, span: SpanStart & SpanEnd): SpanContext {
    const started = this.#rootTracer.startSpan(ids, span.name, this.#options(span), parentContext(span.parent));
    this.#set(started, span.values);
    this.#finish(started, span);
    return started.spanContext();
  }

  #options(start: SpanStart) {
    const links = (start.links ?? []).slice(0, maxLinks).map((link) => this.#link(link));
    return { kind: start.kind, startTime: toHrTime(start.startAt), links };
  }

  /**
   * Attributes come after the start: given with it the SDK cleans them twice, each time with a WeakSet for every value, and those made up
   * most of what the collector had to do. Our samplers decide by trace id and do not miss them.
   */
  #set(span: Span, values: AttributeValues): void {
    if (span.isRecording()) span.setAttributes(this.#gate(values));
  }

  #finish(span: Span, end: SpanEnd): void {
    for (const { name, at, values } of end.events ?? []) span.addEvent(name, values === undefined ? {} : this.#gate(values), toHrTime(at));
    span.setStatus(end.status);
    span.end(toHrTime(end.endAt));
  }

  #link(link: SpanLink): Link {
    return { context: link.to, attributes: this.#gate({ 'radiotracer.link.kind': link.kind }) };
  }
}

function parentContext(parent: SpanContext | undefined): Context {
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
}
