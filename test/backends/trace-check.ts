/** A trace as it was sent against the trace as a backend gives it back. */
import type { ReceivedSpan } from '../fixtures/otlp-receiver.ts';

/** A line for each span, with all that a backend keeps of it; Jaeger's times are whole microseconds, and lists are JSON in it. */
export function traceLines(spans: readonly ReceivedSpan[]): readonly string[] {
  return spans.map(lineOf).sort();
}

function lineOf({ spanId, parentSpanId, name, kind, status, startNanos, attributes, events, links }: ReceivedSpan): string {
  const values = Object.entries(attributes)
    .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .sort();
  return [
    `${spanId} in ${parentSpanId ?? 'nothing'}: ${name} ${kind}`,
    status.code === 'UNSET' ? '' : `${status.code} ${status.message ?? ''}`,
    `at ${startNanos / 1000n}`,
    values.join(' '),
    events.map((event) => `[${event.name} ${event.nanos / 1000n}]`).join(''),
    links
      .map((link) => `→ ${link.traceId}/${link.spanId}`)
      .sort()
      .join(' '),
  ].join(' | ');
}
