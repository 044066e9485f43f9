/** DIMSE operations. */
import type { InstanceHead } from '@radiotracer/instance';
import type { EpochMs } from './epoch-ms.ts';
import type { ErrorType } from './error-type.ts';

/** The DIMSE services, PS3.7 table 9.1-1 and 10.1-1. */
export type OperationName =
  | 'C-STORE'
  | 'C-FIND'
  | 'C-MOVE'
  | 'C-GET'
  | 'C-ECHO'
  | 'N-EVENT-REPORT'
  | 'N-GET'
  | 'N-SET'
  | 'N-ACTION'
  | 'N-CREATE'
  | 'N-DELETE'
  | 'unknown';

/** PS3.7 annex C. */
export type StatusClass = 'success' | 'pending' | 'warning' | 'cancel' | 'failure';

/** The destination was being sent the instance when it failed. */
export interface RelayAttempt {
  readonly clientAssociationId: string | undefined;
  /** The command was handed to the destination's socket; undefined when it never was. */
  readonly requestOutAt: EpochMs | undefined;
  /** The proxy took over. */
  readonly endedAt: EpochMs;
  readonly errorType: ErrorType;
  /** Its own answer, for which the proxy took over; undefined: there was none. */
  readonly status?: number | undefined;
  /** All of it had gone to the destination, and no answer had come: it may be there, and what is kept is sent once more. */
  readonly possibleDuplicate: boolean;
}

/** How many, as the performer says; undefined where it says nothing. */
export interface Suboperations {
  readonly remaining: number | undefined;
  readonly completed: number | undefined;
  readonly failed: number | undefined;
  readonly warning: number | undefined;
}

/** A DIMSE operation is over: answered finally, or cut short by the end of its association. */
export interface OperationEnded {
  readonly type: 'operation.ended';
  /** The association that the modality opened with us, whichever side invoked the operation. */
  readonly serverAssociationId: string;
  /** The association on which it was passed on; undefined when it was not. */
  readonly clientAssociationId: string | undefined;
  /** requestor: the usual way; acceptor: roles reversed on the same association (C-GET's C-STOREs, N-EVENT-REPORT). */
  readonly invokedBy: 'requestor' | 'acceptor';
  readonly operation: OperationName;
  readonly messageId: number;
  readonly destinationId: string | undefined;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  readonly sopClassUid: string | undefined;
  readonly sopInstanceUid: string | undefined;
  readonly transferSyntaxUid: string | undefined;
  /** First P-DATA byte of the command arrived. */
  readonly requestInAt: EpochMs;
  /** The request's command had arrived whole; what the sender and its network took for it lies before. */
  readonly commandInAt: EpochMs;
  /** The command was handed to the other socket; undefined when it never was. */
  readonly requestOutAt: EpochMs | undefined;
  /** The last byte of the request (its data set included) arrived. */
  readonly requestEndAt: EpochMs | undefined;
  /** The final response's command had arrived whole; undefined when none came. */
  readonly responseInAt: EpochMs | undefined;
  /** The final response was handed to the invoker's socket. */
  readonly responseOutAt: EpochMs | undefined;
  /** When nothing more could happen: `responseOutAt`, or the end of the association. */
  readonly endedAt: EpochMs;
  /** The final response's status; undefined when none came. */
  readonly status: number | undefined;
  readonly statusClass: StatusClass | undefined;
  readonly errorType: ErrorType | undefined;
  /** Whether we cut it short, and not its invoker. */
  readonly ours: boolean;
  /** relayed: the destination had it to answer; spooled: we answered, for the spool; taken: it was for us; refused: we refused it. */
  readonly disposition: 'relayed' | 'spooled' | 'taken' | 'refused';
  /** Data set bytes of the request; 0 without a data set. */
  readonly dataSetBytes: number;
  /** Pending responses that passed (C-FIND, C-MOVE, C-GET). */
  readonly pendingResponses: number;
  /** Only for C-STORE. */
  readonly head: InstanceHead | undefined;
  /** The request's data set, where it was asked for, is whole and not too long. Holds patient data. */
  readonly dataSet?: Uint8Array | undefined;
  /** The final response's; C-MOVE and C-GET only (PS3.4 C.4.2.1.4.2). */
  readonly responseDataSet?: Uint8Array | undefined;
  /** Of a C-STORE's data set, where it was asked for and is whole: `algorithm:hexadecimal`. */
  readonly dataSetChecksum?: string | undefined;
  /** Of the final response, (0000,1020) to (0000,1023); C-MOVE and C-GET only. */
  readonly suboperations?: Suboperations | undefined;
  /** W3C trace context of its SERVER span, where it was given out before the span is written: what is spooled carries it along. */
  readonly traceparent?: string | undefined;
  /** It is safe in the spool since; only with disposition spooled. */
  readonly spooledAt?: EpochMs | undefined;
  /** What became of it at the destination before the proxy took over; undefined when it began after. */
  readonly relayAttempt?: RelayAttempt | undefined;
}
