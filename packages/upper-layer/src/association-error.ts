import { type TlsErrorType, tlsDetail, tlsErrorType, tlsSentence } from './tls-error.ts';

/** Why an association could not be had or could not go on. */
export type AssociationErrorType =
  | TlsErrorType
  | 'connection_refused'
  | 'connection_reset'
  | 'connection_closed'
  | 'connect_timeout'
  | 'host_unreachable'
  | 'name_not_resolved'
  | 'artim_timeout'
  | 'associate_timeout'
  | 'dimse_timeout'
  | 'idle_timeout'
  | 'release_timeout'
  | 'protocol_error'
  | 'rejected'
  | 'aborted'
  | 'shutdown'
  | 'internal';

/** The peer was reached, and said no: to these titles as far as anybody knows. For others it may be there. */
export function isAnswer(errorType: string): boolean {
  return errorType === 'rejected' || errorType === 'aborted';
}

/** What an A-ASSOCIATE-RJ said, PS3.8 9.3.4. */
export interface Rejection {
  /** 1 rejected-permanent, 2 rejected-transient. */
  readonly result: number;
  /** 1 service-user, 2 service-provider (ACSE), 3 service-provider (presentation). */
  readonly source: number;
  readonly reason: number;
}

/** An A-ABORT, PS3.8 9.3.8. */
export interface AbortReason {
  /** 0 service-user, 2 service-provider. */
  readonly source: number;
  readonly reason: number;
}

/** What happened to an association, in a closed list of types and one clear sentence. */
export class AssociationError extends Error {
  override readonly name = 'AssociationError';
  readonly errorType: AssociationErrorType;
  /** Of an A-ASSOCIATE-RJ; undefined for everything else. */
  readonly rejection: Rejection | undefined;
  /** Of the peer's A-ABORT; undefined for everything else. */
  readonly abort: AbortReason | undefined;

  constructor(
    errorType: AssociationErrorType,
    message: string,
    options?: ErrorOptions & { readonly rejection?: Rejection; readonly abort?: AbortReason },
  ) {
    super(message, options);
    this.errorType = errorType;
    this.rejection = options?.rejection;
    this.abort = options?.abort;
  }
}

/** The error of a socket, as one of ours. */
export function fromSocketError(error: NodeJS.ErrnoException, where: string): AssociationError {
  const type = socketErrorTypes[error.code ?? ''] ?? tlsErrorType(error.code) ?? 'connection_reset';
  return new AssociationError(type, `${sentence[type] ?? 'the connection failed'} (${where}, ${tlsDetail(error)})`, { cause: error });
}

/** The same where the TLS handshake was under way: a peer that hangs up then has mostly a reason in TLS. */
export function fromHandshakeError(error: NodeJS.ErrnoException, where: string): AssociationError {
  const found = fromSocketError(error, where);
  if (found.errorType !== 'connection_reset') return found;
  const text = 'the peer closed the connection in the TLS handshake: it may speak no TLS there, or not take what we offer';
  return new AssociationError('tls_failure', `${text} (${where}, ${error.code ?? error.message})`, { cause: error });
}

const socketErrorTypes: Record<string, AssociationErrorType> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_reset',
  ETIMEDOUT: 'connect_timeout',
  EHOSTUNREACH: 'host_unreachable',
  ENETUNREACH: 'host_unreachable',
  EHOSTDOWN: 'host_unreachable',
  EADDRNOTAVAIL: 'host_unreachable',
  ENOTFOUND: 'name_not_resolved',
  EAI_AGAIN: 'name_not_resolved',
};

const sentence: Partial<Record<AssociationErrorType, string>> = {
  ...tlsSentence,
  connection_refused: 'nothing listens there',
  connection_reset: 'the connection was reset',
  connect_timeout: 'no answer to the connection request in time',
  host_unreachable: 'the host cannot be reached',
  name_not_resolved: 'the host name cannot be resolved',
};
