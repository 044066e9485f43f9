/**
 * When a span is an Error. A SERVER span is only for what is ours: a status that says so, our own abort or time-out. A CLIENT span is
 * on every failure. Warnings and cancels are told by `dicom.status.class` alone. Descriptions are the fixed texts below: never an
 * Error Comment, a path or an exception's message, which may name a patient.
 */
import { type SpanStatus, SpanStatusCode } from '@opentelemetry/api';
import { hasArrived } from './delivery-outcome.ts';
import type { AssociationEnded, AssociationOpened, DeliveryAttempted, DeliveryErrorType, ErrorType, OperationEnded } from './event.ts';

const descriptions: Readonly<Record<DeliveryErrorType, string>> = {
  connection_refused: 'connection refused',
  connection_reset: 'connection reset',
  connection_closed: 'connection closed',
  connect_timeout: 'connect time-out',
  host_unreachable: 'host unreachable',
  name_not_resolved: 'name not resolved',
  artim_timeout: 'ARTIM time-out',
  associate_timeout: 'association request time-out',
  dimse_timeout: 'DIMSE response time-out',
  idle_timeout: 'idle time-out',
  release_timeout: 'release time-out',
  tls_certificate_expired: 'certificate expired',
  tls_certificate_invalid: 'certificate not valid',
  tls_certificate_missing: 'no certificate shown',
  tls_certificate_refused: 'our certificate refused',
  tls_unknown_authority: 'certificate of an unknown authority',
  tls_wrong_name: 'certificate for another name',
  tls_plain_peer: 'peer speaks no TLS',
  tls_unexpected: 'peer speaks TLS, none is configured',
  tls_handshake_timeout: 'TLS handshake time-out',
  tls_failure: 'TLS failure',
  protocol_error: 'protocol error',
  limit_exceeded: 'limit exceeded',
  no_route: 'no route',
  loop: 'the destination leads back here',
  rejected: 'association rejected',
  aborted: 'association aborted',
  status_failure: 'failure status',
  circuit_open: 'destination known to be down',
  shutdown: 'shutting down',
  internal: 'internal error',
  presentation_context_refused: 'presentation context refused',
  digest_mismatch: 'bytes are not those that were received',
  instance_damaged: 'file is damaged',
  dead_in_spool: 'given up before a crash',
  retry_budget_exhausted: 'tried for too long',
  spool_failure: 'spool failure',
};

/** What only we can be the cause of, whichever operation it cut short. */
const ours: ReadonlySet<ErrorType> = new Set<ErrorType>([
  'connect_timeout',
  'artim_timeout',
  'associate_timeout',
  'dimse_timeout',
  'idle_timeout',
  'release_timeout',
  'tls_handshake_timeout',
  'limit_exceeded',
  'loop',
  'shutdown',
  'internal',
]);

const unset: SpanStatus = { code: SpanStatusCode.UNSET };

/** An Error with the fixed text for it. */
export function error(errorType: DeliveryErrorType): SpanStatus {
  return { code: SpanStatusCode.ERROR, message: descriptions[errorType] };
}

/** `error.type` of an operation: told by the stage, or by a failure status; undefined when nothing failed. */
export function operationErrorType(event: OperationEnded): ErrorType | undefined {
  if (event.errorType !== undefined) return event.errorType;
  if (event.statusClass === 'failure') return 'status_failure';
  return undefined;
}

/** A7xx out of resources, 0110 processing failure, 0213 resource limitation (PS3.7 annex C, PS3.4 table B.2-1). */
function isReceiversFault(status: number | undefined): boolean {
  return status !== undefined && ((status & 0xff00) === 0xa700 || status === 0x0110 || status === 0x0213);
}

export function serverOperationStatus(event: OperationEnded): SpanStatus {
  if (isReceiversFault(event.status)) return error('status_failure');
  const errorType = operationErrorType(event);
  return errorType !== undefined && (event.ours || ours.has(errorType)) ? error(errorType) : unset;
}

export function clientOperationStatus(event: OperationEnded): SpanStatus {
  const errorType = operationErrorType(event);
  return errorType === undefined ? unset : error(errorType);
}

/** CLIENT span of one attempt. */
export function attemptStatus(event: DeliveryAttempted): SpanStatus {
  return hasArrived(event) ? unset : error(attemptErrorType(event) ?? 'internal');
}

/** CONSUMER span of one attempt: ours is only what was given up. */
export function processStatus(event: DeliveryAttempted): SpanStatus {
  return event.outcome === 'dead' ? error(attemptErrorType(event) ?? 'internal') : unset;
}

/** `error.type` of an attempt: told by the stage, or by a failure status; undefined when nothing failed. */
export function attemptErrorType(event: DeliveryAttempted): DeliveryErrorType | undefined {
  return event.errorType ?? (event.statusClass === 'failure' ? 'status_failure' : undefined);
}

export function associationStatus(role: AssociationOpened['role'], event: AssociationEnded): SpanStatus {
  const errorType = associationErrorType(event);
  if (errorType === undefined) return unset;
  return role === 'client' || event.ours ? error(errorType) : unset;
}

/** `error.type` of an association: told by the stage, or by its outcome; undefined when nothing failed. */
export function associationErrorType(event: AssociationEnded): ErrorType | undefined {
  if (event.errorType !== undefined) return event.errorType;
  if (event.outcome === 'rejected') return 'rejected';
  if (event.outcome === 'aborted') return 'aborted';
  if (event.outcome === 'failed') return 'internal';
  return undefined;
}

export const lost: SpanStatus = { code: SpanStatusCode.ERROR, message: 'instances were lost' };
export const missing: SpanStatus = { code: SpanStatusCode.ERROR, message: 'instances did not come' };
export const undelivered: SpanStatus = { code: SpanStatusCode.ERROR, message: 'instances were not delivered' };
