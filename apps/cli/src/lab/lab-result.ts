/** What came of a study that went through the lab. */
import type { RunningProxy } from '@radiotracer/proxy';
import { statusClass } from '@radiotracer/wire';
import type { StudyOfTrace } from '../studies/study-of-trace.ts';
import type { WithheldSlices } from './ct-study.ts';
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

/** The spans of a study, and of the associations that they name; and the study in the ledger. */
export interface StudyTrace {
  /** Undefined: the study was never closed, and has no trace. */
  readonly root: LabSpan | undefined;
  readonly spans: readonly LabSpan[];
  readonly associations: readonly LabSpan[];
  /** Undefined: the ledger has none of that trace. */
  readonly study: StudyOfTrace | undefined;
}

export interface LabResult {
  /** Every data set arrived, every byte equal, every answer Success, the trace has what it must have, and the ledger knows what is missing. */
  readonly ok: boolean;
  /** Instances that were to be sent. */
  readonly instances: number;
  /** Of each series. */
  readonly slices: readonly number[];
  readonly withheld: WithheldSlices | undefined;
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
  /** The ledger calls it short, and names just the slices that were withheld; or not short, where none was. */
  readonly isVerdictRight: boolean;
  /** Why the association ended early. */
  readonly error: string | undefined;
}

export interface Happened {
  readonly expected: ExpectedTrace;
  readonly withheld: WithheldSlices | undefined;
  readonly sent: readonly SentInstance[];
  readonly stored: ReadonlyMap<string, StoredInstance>;
  readonly overhead: RelayOverhead;
  readonly trace: StudyTrace;
  readonly error: string | undefined;
}

export function labResult({ expected, withheld, sent, stored, overhead, trace, error }: Happened): LabResult {
  const instances = expected.slices.reduce((sum, slices) => sum + slices, 0);
  const arrival = arrivalOf(sent, stored, instances);
  const failed = sent.filter(({ status }) => statusClass(status) !== 'success').length;
  const lacking = missingFromTrace(trace.spans, trace.associations, expected);
  const isVerdictRight = isRight(trace.study, withheld);
  return {
    ok: arrival.equal === instances && failed === 0 && lacking.length === 0 && isVerdictRight && error === undefined,
    instances,
    slices: expected.slices,
    withheld,
    bytes: sent.reduce((sum, instance) => sum + instance.bytes, 0),
    sent: sent.length,
    failed,
    arrival,
    sendingMs: sent.reduce((sum, instance) => sum + instance.durationMs, 0),
    overhead,
    trace,
    missingFromTrace: lacking,
    isVerdictRight,
    error,
  };
}

/** Where nothing is missing it may call it quiet: of few slices nobody can say whether they are all. */
export function isRight(study: StudyOfTrace | undefined, withheld: WithheldSlices | undefined): boolean {
  const { state, verdict } = study?.page.study ?? {};
  if (verdict === undefined) return false;
  if (withheld === undefined) return state === 'complete' || state === 'quiet';
  const { missing } = verdict;
  return state === 'short' && missing.count === withheld.numbers.length && missing.numbers.join() === withheld.numbers.join();
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
export function tracedSpans(record: SpanRecord, root: LabSpan | undefined): Omit<StudyTrace, 'study'> {
  const spans = root === undefined ? [] : (record.trace(root.traceId) ?? []);
  const linked = new Set<string>();
  for (const { links } of spans) for (const { kind, traceId } of links) if (kind === 'association') linked.add(traceId);
  const associations = [...linked].flatMap((traceId) => record.trace(traceId) ?? []).filter(({ name }) => name.startsWith('association'));
  return { root, spans, associations: associations.sort((a, b) => a.startAt - b.startAt) };
}
