/** The results of the lab, for a program: one line of JSON for each event. */
import { pageJson } from '../studies/page-json.ts';
import { tracedJson } from '../studies/study-trace.ts';
import type { LabResult, StudyTrace } from './lab-result.ts';
import type { LabSpan } from './lab-span.ts';
import type { Places } from './lab-text.ts';
import type { OutageResult } from './outage-result.ts';

export function readyJson(version: string, { host, proxyPort, pacsPort, configFile }: Places): string {
  return line({ event: 'ready', version, proxy: { host, port: proxyPort }, pacs: { host, port: pacsPort }, config: configFile });
}

/** A study that the lab sent, with all its slices or without the withheld ones. */
export function resultJson(result: LabResult): string {
  const { ok, instances, slices, withheld, bytes, sent, failed, arrival, sendingMs, overhead, missingFromTrace, isVerdictRight, error } =
    result;
  return line({
    event: withheld === undefined ? 'study' : 'short-study',
    ok,
    error: error ?? null,
    sent: { instances: sent, of: instances, slices, bytes, failed, withheld: withheld ?? null },
    arrived: arrival,
    sendingMs,
    relayOverhead: overhead,
    ...traceJson(result.trace),
    missingFromTrace,
    isVerdictRight,
  });
}

/** The study during which the PACS died. */
export function outageJson({
  trace,
  arrival,
  sent,
  instances,
  failed,
  error,
  missingFromTrace,
  isVerdictRight,
  ...rest
}: OutageResult): string {
  return line({
    event: 'outage',
    ...rest,
    error: error ?? null,
    sent: { instances: sent, of: instances, failed },
    arrived: arrival,
    ...traceJson(trace),
    missingFromTrace,
    isVerdictRight,
  });
}

/** A study that somebody else sent. */
export function furtherJson(trace: StudyTrace): string {
  return line({ event: 'further-study', ...traceJson(trace) });
}

/** `ledger`: as `radiotracer studies show --json`; `trace`: as `radiotracer trace --json`. */
function traceJson({ root, spans, associations, study }: StudyTrace) {
  const told = study === undefined ? { ledger: null, trace: null } : { ledger: pageJson(study.page), trace: tracedJson(study.traced) };
  return { traceId: root?.traceId ?? null, ...told, spans: spans.map(spanJson), associations: associations.map(spanJson) };
}

function spanJson({ parentSpanId, ...span }: LabSpan) {
  return { ...span, parentSpanId: parentSpanId ?? null };
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
