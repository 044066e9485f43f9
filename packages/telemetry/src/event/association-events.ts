/** Associations: opened, accepted, taken over, ended. */
import type { EpochMs } from './epoch-ms.ts';
import type { ErrorType } from './error-type.ts';

/** A transport connection was accepted (server) or is being opened (client), and its A-ASSOCIATE-RQ is known. */
export interface AssociationOpened {
  readonly type: 'association.opened';
  /** Unique in this process' life; random. */
  readonly associationId: string;
  /** server: a peer called us; client: we called the destination. */
  readonly role: 'server' | 'client';
  /** The other association of the pair, where there is one. */
  readonly pairedWith: string | undefined;
  readonly at: EpochMs;
  /** Trimmed. */
  readonly callingAeTitle: string;
  /** Trimmed. */
  readonly calledAeTitle: string;
  readonly peerAddress: string;
  readonly peerPort: number;
  /** The configured name of the destination; client only. */
  readonly destinationId: string | undefined;
  readonly routeId: string | undefined;
  readonly proposedContexts: number;
  /** The maximum length that the requestor asked for; 0 means no limit. */
  readonly requestorMaxPduBytes: number;
  readonly requestorImplementationClassUid: string | undefined;
  readonly requestorImplementationVersionName: string | undefined;
}

/** An A-ASSOCIATE-AC passed. */
export interface AssociationAccepted {
  readonly type: 'association.accepted';
  readonly associationId: string;
  readonly at: EpochMs;
  readonly acceptedContexts: number;
  /** Of which not one proposed context was accepted; some tens at most. */
  readonly refusedSopClasses: readonly string[];
  readonly acceptorMaxPduBytes: number;
  readonly acceptorImplementationClassUid: string | undefined;
  readonly acceptorImplementationVersionName: string | undefined;
  /** Undefined: plain TCP. */
  readonly tls?: { readonly protocolVersion: string; readonly cipher: string } | undefined;
}

/** A destination has accepted no presentation context for these, which a modality proposed; not said of them within the last day. */
export interface SopClassRefused {
  readonly type: 'sop_class.refused';
  readonly at: EpochMs;
  readonly destinationId: string;
  /** By name where it is a common one, else by UID. */
  readonly sopClasses: readonly string[];
}

/** How an association ended. */
export type AssociationOutcome = 'released' | 'rejected' | 'aborted' | 'timed_out' | 'closed' | 'failed';

/** An A-ASSOCIATE-RJ, PS3.8 9.3.4, and the same in words. */
export interface AssociationRejection {
  readonly result: number;
  readonly source: number;
  readonly reason: number;
  readonly meaning: string;
}

/** The association is over; nothing more will be told of it. */
export interface AssociationEnded {
  readonly type: 'association.ended';
  readonly associationId: string;
  readonly at: EpochMs;
  readonly outcome: AssociationOutcome;
  /** Undefined when nothing went wrong. */
  readonly errorType: ErrorType | undefined;
  /** Whether the failure is ours (the product's) and not the peer's. */
  readonly ours: boolean;
  readonly reject: AssociationRejection | undefined;
  /** `by`: who sent the A-ABORT. */
  readonly abort: { readonly source: number; readonly reason: number; readonly by: 'peer' | 'self' } | undefined;
  readonly operations: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

/** The proxy goes on in the destination's place, in the modality's own association. */
export interface AssociationTakenOver {
  readonly type: 'association.taken_over';
  /** The association that the modality opened with us. */
  readonly serverAssociationId: string;
  /** The one that failed; undefined when none was opened. */
  readonly clientAssociationId: string | undefined;
  readonly destinationId: string;
  readonly routeId: string;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  readonly at: EpochMs;
  /** before: no A-ASSOCIATE-AC had come from the destination, or it was not asked; within: the contexts stay as agreed. */
  readonly when: 'before' | 'within';
  /** What failed; undefined: nothing did, the route stores and forwards. */
  readonly errorType: ErrorType | undefined;
  /** C-STOREs that the destination had not answered; they go on into the store. */
  readonly storesInFlight: number;
}
