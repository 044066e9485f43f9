/** The results of the lab, for a program: one line of JSON for each event. */
import type { LabResult, StudyTrace } from './lab-result.ts';
import type { LabSpan } from './lab-span.ts';
import type { Places } from './lab-text.ts';
import type { OutageResult } from './outage-result.ts';

export function readyJson(version: string, { host, proxyPort, pacsPort }: Places): string {
  return line({ event: 'ready', version, proxy: { host, port: proxyPort }, pacs: { host, port: pacsPort } });
}

/** The study that the lab sent. */
export function resultJson(result: LabResult): string {
  const { ok, instances, slices, bytes, sent, failed, arrival, sendingMs, overhead, missingFromTrace, error } = result;
  return line({
    event: 'study',
    ok,
    error: error ?? null,
    sent: { instances: sent, of: instances, slices, bytes, failed },
    arrived: arrival,
    sendingMs,
    relayOverhead: overhead,
    ...traceJson(result.trace),
    missingFromTrace,
  });
}

/** The study during which the PACS died. */
export function outageJson({ trace, arrival, sent, instances, failed, error, missingFromTrace, ...rest }: OutageResult): string {
  return line({
    event: 'outage',
    ...rest,
    error: error ?? null,
    sent: { instances: sent, of: instances, failed },
    arrived: arrival,
    ...traceJson(trace),
    missingFromTrace,
  });
}

/** A study that somebody else sent. */
export function furtherJson(trace: StudyTrace): string {
  return line({ event: 'further-study', ...traceJson(trace) });
}

function traceJson({ root, spans, associations }: StudyTrace) {
  return { traceId: root?.traceId ?? null, spans: spans.map(spanJson), associations: associations.map(spanJson) };
}

function spanJson({ parentSpanId, ...span }: LabSpan) {
  return { ...span, parentSpanId: parentSpanId ?? null };
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
