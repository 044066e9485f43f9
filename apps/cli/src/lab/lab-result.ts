/** What came of a study that went through the lab. */
import type { RunningProxy } from '@radiotracer/proxy';
import { statusClass } from '@radiotracer/wire';
import type { SentInstance } from './lab-modality.ts';
import type { StoredInstance } from './lab-pacs.ts';
import type { LabSpan, SpanRecord } from './lab-span.ts';
import { type ExpectedTrace, missingFromTrace } from './trace-check.ts';

export type RelayOverhead = Awaited<ReturnType<RunningProxy['telemetryStats']>>['relayOverhead'];

/** How what the PACS has compares with what the modality sent: by SHA-256 of each data set. */
export interface Arrival {
  readonly equal: number;
  readonly different: number;
  readonly missing: number;
}

/** The spans of a study, and of the associations that they name. */
export interface StudyTrace {
  /** Undefined: the study was never closed, and has no trace. */
  readonly root: LabSpan | undefined;
  readonly spans: readonly LabSpan[];
  readonly associations: readonly LabSpan[];
}

export interface LabResult {
  /** Every data set arrived, every byte equal, every answer Success, and the trace has what it must have. */
  readonly ok: boolean;
  /** Instances that the study has. */
  readonly instances: number;
  readonly slices: readonly number[];
  /** Data set bytes sent. */
  readonly bytes: number;
  readonly sent: number;
  readonly failed: number;
  readonly arrival: Arrival;
  /** The C-STOREs together, each from its request to its answer. */
  readonly sendingMs: number;
  readonly overhead: RelayOverhead;
  readonly trace: StudyTrace;
  /** See `missingFromTrace`. */
  readonly missingFromTrace: readonly string[];
  /** Why the association ended early. */
  readonly error: string | undefined;
}

export interface Happened {
  readonly expected: ExpectedTrace;
  readonly sent: readonly SentInstance[];
  readonly stored: ReadonlyMap<string, StoredInstance>;
  readonly overhead: RelayOverhead;
  readonly trace: StudyTrace;
  readonly error: string | undefined;
}

export function labResult({ expected, sent, stored, overhead, trace, error }: Happened): LabResult {
  const instances = expected.slices.reduce((sum, slices) => sum + slices, 0);
  const arrival = arrivalOf(sent, stored, instances);
  const failed = sent.filter(({ status }) => statusClass(status) !== 'success').length;
  const lacking = missingFromTrace(trace.spans, trace.associations, expected);
  return {
    ok: arrival.equal === instances && failed === 0 && lacking.length === 0 && error === undefined,
    instances,
    slices: expected.slices,
    bytes: sent.reduce((sum, instance) => sum + instance.bytes, 0),
    sent: sent.length,
    failed,
    arrival,
    sendingMs: sent.reduce((sum, instance) => sum + instance.durationMs, 0),
    overhead,
    trace,
    missingFromTrace: lacking,
    error,
  };
}

/** Of so many instances. */
export function arrivalOf(sent: readonly SentInstance[], stored: ReadonlyMap<string, StoredInstance>, instances: number): Arrival {
  let equal = 0;
  let different = 0;
  for (const { sopInstanceUid, bytes, digest } of sent) {
    const there = stored.get(sopInstanceUid);
    if (there === undefined) continue;
    if (there.digest === digest && there.bytes === bytes) equal++;
    else different++;
  }
  return { equal, different, missing: instances - equal - different };
}

/** The study's trace, and the associations that its spans link to. */
export function studyTrace(record: SpanRecord, root: LabSpan | undefined): StudyTrace {
  const spans = root === undefined ? [] : (record.trace(root.traceId) ?? []);
  const linked = new Set<string>();
  for (const { links } of spans) for (const { kind, traceId } of links) if (kind === 'association') linked.add(traceId);
  const associations = [...linked].flatMap((traceId) => record.trace(traceId) ?? []).filter(({ name }) => name.startsWith('association'));
  return { root, spans, associations: associations.sort((a, b) => a.startAt - b.startAt) };
}
