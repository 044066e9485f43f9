/** What came of a study during which the PACS died and came back. */

import { statusClass } from '@radiotracer/wire';
import type { SentInstance } from './lab-modality.ts';
import type { StoredInstance } from './lab-pacs.ts';
import { type Arrival, arrivalOf, isRight, type StudyTrace } from './lab-result.ts';

export interface OutageResult {
  /** Every answer was Success, on one association, and every instance is in the PACS, every byte equal, and all of it is one trace. */
  readonly ok: boolean;
  readonly instances: number;
  readonly sent: number;
  readonly failed: number;
  /** The PACS had so many when it died. */
  readonly relayed: number;
  readonly goneMs: number;
  /** From its return until the last one was there. */
  readonly deliveredInMs: number;
  /** The longest that the modality waited for an answer. */
  readonly longestAnswerMs: number;
  readonly arrival: Arrival;
  readonly trace: StudyTrace;
  readonly missingFromTrace: readonly string[];
  /** The ledger does not call it short. */
  readonly isVerdictRight: boolean;
  /** Why the association ended early. */
  readonly error: string | undefined;
}

export interface OutageHappened {
  readonly instances: number;
  readonly destination: string;
  readonly sent: readonly SentInstance[];
  readonly stored: ReadonlyMap<string, StoredInstance>;
  readonly relayed: number;
  readonly goneMs: number;
  readonly deliveredInMs: number;
  readonly trace: StudyTrace;
  readonly error: string | undefined;
}

export function outageResult(happened: OutageHappened): OutageResult {
  const { instances, destination, sent, stored, relayed, goneMs, deliveredInMs, trace, error } = happened;
  const arrival = arrivalOf(sent, stored, instances);
  const failed = sent.filter(({ status }) => statusClass(status) !== 'success').length;
  const missing = missingFromTrace(trace, instances, destination);
  const isVerdictRight = isRight(trace.study, undefined);
  return {
    ok: arrival.equal === instances && failed === 0 && missing.length === 0 && isVerdictRight && error === undefined,
    instances,
    sent: sent.length,
    failed,
    relayed,
    goneMs,
    deliveredInMs,
    longestAnswerMs: Math.max(0, ...sent.map(({ durationMs }) => durationMs)),
    arrival,
    trace,
    missingFromTrace: missing,
    isVerdictRight,
    error,
  };
}

/** Every instance has its C-STORE from the modality, and below it one to the destination that went well, whenever it was. */
function missingFromTrace({ root, spans }: StudyTrace, instances: number, destination: string): readonly string[] {
  if (root === undefined) return ['the study'];
  const servers = spans.filter(({ name, kind }) => name === 'C-STORE' && kind === 'SERVER');
  const known = new Map(spans.map((span) => [span.spanId, span]));
  const delivered = new Set<string>();
  for (const { name, kind, status, parentSpanId } of spans) {
    if (name !== `C-STORE ${destination}` || kind !== 'CLIENT' || status === 'ERROR') continue;
    // Below the modality's C-STORE itself, or below the attempt that it waited for.
    for (let at = parentSpanId; at !== undefined; at = known.get(at)?.parentSpanId) delivered.add(at);
  }
  const through = servers.filter(({ spanId }) => delivered.has(spanId)).length;
  return [
    ...(servers.length === instances ? [] : [`C-STORE spans: ${servers.length} of ${instances}`]),
    ...(through === instances ? [] : [`C-STORE spans with a delivery to ${destination} below: ${through} of ${instances}`]),
  ];
}
