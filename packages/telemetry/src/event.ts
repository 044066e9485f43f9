/**
 * The closed list of events that the stages publish. A stage tells what happened, with times and numbers; what becomes of it
 * (span, metric, log line) is decided in one place and never by the stage.
 *
 * Times are milliseconds since the Unix epoch, with fractions. Identifiers of patients and studies may stand in an event (they
 * are needed to compute keyed hashes) and never in what leaves: the attribute registry decides that.
 */
import type { InstanceHead } from '@radiotracer/instance';

/** Milliseconds since the Unix epoch, with fractions. */
export type EpochMs = number;

/** Why something failed; closed, so that it can label a metric. */
export type ErrorType =
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
  | 'tls_certificate_expired'
  | 'tls_certificate_invalid'
  | 'tls_certificate_missing'
  | 'tls_certificate_refused'
  | 'tls_unknown_authority'
  | 'tls_wrong_name'
  | 'tls_plain_peer'
  /** The peer speaks TLS where none is configured. */
  | 'tls_unexpected'
  | 'tls_handshake_timeout'
  | 'tls_failure'
  | 'protocol_error'
  | 'limit_exceeded'
  | 'no_route'
  | 'rejected'
  | 'aborted'
  | 'status_failure'
  /** The destination is known to be down, and was not asked. */
  | 'circuit_open'
  | 'shutdown'
  | 'internal';

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
  readonly acceptorMaxPduBytes: number;
  readonly acceptorImplementationClassUid: string | undefined;
  readonly acceptorImplementationVersionName: string | undefined;
  /** Undefined: plain TCP. */
  readonly tls?: { readonly protocolVersion: string; readonly cipher: string } | undefined;
}

/** How an association ended. */
export type AssociationOutcome = 'released' | 'rejected' | 'aborted' | 'timed_out' | 'closed' | 'failed';

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
  readonly reject: { readonly result: number; readonly source: number; readonly reason: number } | undefined;
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

/** The destination was being sent the instance when it failed. */
export interface RelayAttempt {
  readonly clientAssociationId: string | undefined;
  /** The command was handed to the destination's socket; undefined when it never was. */
  readonly requestOutAt: EpochMs | undefined;
  /** The proxy took over. */
  readonly endedAt: EpochMs;
  readonly errorType: ErrorType;
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

/** Why an instance was not delivered. */
export type DeliveryErrorType =
  | ErrorType
  /** The destination takes no such SOP class or transfer syntax. */
  | 'presentation_context_refused'
  /** The bytes of the file are not those that were received; moved aside. */
  | 'digest_mismatch'
  /** The file is cut short or not what was written; moved aside. */
  | 'instance_damaged'
  /** Tried for too long. */
  | 'retry_budget_exhausted'
  /** The spool could not read, move or remove it. */
  | 'spool_failure';

/** What is known of a spooled instance. */
export interface SpooledInstanceFacts {
  /** The spool's id. */
  readonly instanceId: string;
  readonly routeId: string;
  readonly destinationId: string;
  /** As the destination sees it. */
  readonly callingAeTitle: string;
  /** As the destination sees it. */
  readonly calledAeTitle: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly studyInstanceUid: string | undefined;
  readonly seriesInstanceUid: string | undefined;
  readonly modality: string | undefined;
  readonly dataSetBytes: number;
  /** First byte from the modality. */
  readonly receivedAt: EpochMs;
  /** W3C trace context of the operation by which it came. */
  readonly traceparent: string | undefined;
  /** The association on which it is sent, where it is told of. */
  readonly associationId?: string | undefined;
}

/** One attempt to send a spooled instance is over, and its outcome stands in the schedule (or could not be written there). */
export interface DeliveryAttempted extends SpooledInstanceFacts {
  readonly type: 'delivery.attempted';
  /** Counts from 1. */
  readonly attempt: number;
  /** The C-STORE-RQ was handed to the association. */
  readonly startedAt: EpochMs;
  /** The last byte was; undefined when it never was. */
  readonly requestEndAt: EpochMs | undefined;
  /** The response, or the end of waiting for it. */
  readonly endedAt: EpochMs;
  /** Undefined when none came. */
  readonly status: number | undefined;
  readonly statusClass: StatusClass | undefined;
  /** retry: due again; dead: given up, `delivery.dead_lettered` follows; unsent: broken off by our own stop. */
  readonly outcome: 'delivered' | 'retry' | 'dead' | 'unsent';
  readonly errorType: DeliveryErrorType | undefined;
  /** The destination may have it although nothing says so; or two may have sent it. */
  readonly possibleDuplicate: boolean;
  /** For retry. */
  readonly nextDueAt: EpochMs | undefined;
}

/** An instance was given up: it stays in the spool among the dead, or moved aside, and needs a person. */
export interface DeliveryDeadLettered extends SpooledInstanceFacts {
  readonly type: 'delivery.dead_lettered';
  readonly at: EpochMs;
  /** Attempts in all. */
  readonly attempts: number;
  readonly errorType: DeliveryErrorType;
  /** Of the last response. */
  readonly status: number | undefined;
  /** Result of the refused presentation context (PS3.8 table 9-18); undefined when it was not answered, or for other reasons. */
  readonly contextResult: number | undefined;
  /** Its bytes are not to be trusted: moved aside. */
  readonly quarantined: boolean;
}

/** Nothing waits for a destination any more. Told once, by telemetry itself: the schedule is asked after deliveries. */
export interface DeliveryBacklogEnded {
  readonly type: 'delivery.backlog_ended';
  readonly destinationId: string;
  /** The last one was delivered. */
  readonly at: EpochMs;
  /** Instances since the last time that nothing waited, or since the start. */
  readonly delivered: number;
  /** Of these the first that came. */
  readonly oldestReceivedAt: EpochMs;
}

export interface CircuitChanged {
  readonly type: 'circuit.changed';
  readonly destinationId: string;
  readonly at: EpochMs;
  readonly from: 'closed' | 'open' | 'half-open';
  readonly to: 'closed' | 'open' | 'half-open';
  /** What opened it. */
  readonly errorType: ErrorType | undefined;
}

/** An instance is safe: its bytes are on disk, and its name stands in a directory that was synced. */
export interface SpoolCommitted {
  readonly type: 'spool.committed';
  readonly destinationId: string;
  /** The last byte had come, and the spool was asked to make it safe. */
  readonly startedAt: EpochMs;
  /** It was safe. */
  readonly at: EpochMs;
  /** Data set bytes. */
  readonly dataSetBytes: number;
}

/** The spool could not make an instance safe; the modality is told so (A700). */
export interface SpoolFailed {
  readonly type: 'spool.failed';
  readonly destinationId: string;
  readonly at: EpochMs;
  /** A POSIX error code (ENOSPC, EIO), or the spool's own; undefined when there is none. */
  readonly code: string | undefined;
}

/** The spool takes nothing new, or takes it again. */
export interface SpoolAcceptanceChanged {
  readonly type: 'spool.acceptance_changed';
  readonly at: EpochMs;
  readonly accepting: boolean;
  /** Why it does not; undefined when it does. */
  readonly reason: 'max-bytes' | 'not-counted' | 'free-bytes' | 'free-files' | undefined;
  readonly usedBytes: number;
  /** 0: no limit. */
  readonly maxBytes: number;
}

/** What the spool can find that is not as it left it. */
export type SpoolFindingKind = 'unfinished' | 'damaged' | 'duplicate' | 'misplaced' | 'unknown-file' | 'unreadable' | 'leftover';

/** Something in the spool is not as the spool left it. Neither path nor message: they may quote a name. */
export interface SpoolFound {
  readonly type: 'spool.found';
  readonly at: EpochMs;
  readonly kind: SpoolFindingKind;
  /** The spool's id of the instance, where the file bears one. */
  readonly instanceId?: string | undefined;
  /** Moved aside. */
  readonly moved: boolean;
}

/** The schedule cannot be reached, or can be again. Instances are kept and acknowledged all the same. */
export interface QueueAvailabilityChanged {
  readonly type: 'queue.availability_changed';
  readonly at: EpochMs;
  readonly available: boolean;
  readonly home: 'sqlite' | 'redis' | 'memory';
}

/** Did everything come that was to come? `quiet`: nobody can say; nothing came any more. */
export type StudyCompletion = 'complete' | 'short' | 'excess' | 'discontinued' | 'quiet';

/** The ledger's answer, and on whose word. */
export interface StudyVerdict {
  readonly completion: StudyCompletion;
  /** Who said how much was to come; of the ledger's closed list. */
  readonly source: string;
  readonly confidence: 'low' | 'medium-low' | 'medium' | 'medium-high' | 'high';
  /** Undefined: nobody can say. */
  readonly expected: number | undefined;
  readonly received: number;
  /** Of what was expected. */
  readonly missing: number;
}

/** Something inconsistent in what came; of the ledger's closed list. */
export interface StudyFinding {
  readonly kind: string;
  readonly count: number;
}

/** What became of instances since it was last told, at one destination. None is negative. */
export interface LossDelta {
  readonly destinationId: string;
  readonly modality: string | undefined;
  readonly acknowledged: number;
  readonly forwarded: number;
  readonly confirmed: number;
  readonly lost: number;
  /** Were lost, and are there after all. */
  readonly recovered: number;
}

/** Of which study the ledger speaks. */
interface LedgerStudy {
  readonly studyInstanceUid: string;
  readonly generation: number;
  readonly modalities: readonly string[];
}

/** The ledger closed a study, once more if it had been opened again. */
export interface StudyClosed extends LedgerStudy {
  readonly type: 'study.closed';
  readonly at: EpochMs;
  readonly verdict: StudyVerdict;
  readonly findings: readonly StudyFinding[];
  readonly deltas: readonly LossDelta[];
  /** Instances that are lost now, over all destinations. */
  readonly lost: number;
}

/** Something more became known of a closed study. */
export interface StudyRevised extends LedgerStudy {
  readonly type: 'study.revised';
  readonly at: EpochMs;
  readonly deltas: readonly LossDelta[];
  readonly lost: number;
}

/** A destination was asked what it has of a study. */
export interface StudyVerified extends LedgerStudy {
  readonly type: 'study.verified';
  readonly destinationId: string;
  readonly startedAt: EpochMs;
  readonly endedAt: EpochMs;
  readonly result: 'confirmed' | 'missing' | 'unsupported' | 'unreachable';
  /** Instances that it should have. */
  readonly asked: number;
  /** Of these, those that it has not; undefined: it does not say. */
  readonly missing: number | undefined;
  /** Of the study. */
  readonly firstByteAt: EpochMs | undefined;
  readonly completion: StudyCompletion;
}

/** A destination was asked for storage commitment of what it got of a study from the spool. */
export interface StudyCommitted extends LedgerStudy {
  readonly type: 'study.committed';
  readonly destinationId: string;
  /** The request. */
  readonly startedAt: EpochMs;
  /** The report, or the end of waiting for it. */
  readonly endedAt: EpochMs;
  /** missing: it has not got some; refused: it does not keep some, for another reason; unreported: the request or its report came to nothing. */
  readonly result: 'confirmed' | 'missing' | 'refused' | 'unreported' | 'unsupported' | 'unreachable';
  /** Instances of this request. */
  readonly asked: number;
  /** Of these, those that it has not; undefined: it does not say. */
  readonly missing: number | undefined;
}

export interface ToldSeries {
  readonly seriesInstanceUid: string;
  readonly modality: string | undefined;
  readonly instances: number;
  readonly sizeBytes: number;
  readonly firstAt: EpochMs;
  readonly lastAt: EpochMs;
}

/** The root of a study's trace: closed, and everything that was acknowledged has come to its end. Once for each generation. */
export interface StudyTold extends LedgerStudy {
  readonly type: 'study.told';
  readonly firstByteAt: EpochMs;
  /** The last thing that the modality did. */
  readonly receivedAt: EpochMs;
  /** The last destination had its last instance, or it was given up. */
  readonly endedAt: EpochMs;
  readonly verdict: StudyVerdict;
  readonly findings: readonly StudyFinding[];
  readonly callingAeTitle: string | undefined;
  /** Where there is one. */
  readonly destinationId: string | undefined;
  readonly instances: number;
  readonly sizeBytes: number;
  readonly series: readonly ToldSeries[];
  /** Instances that some destination has not got. */
  readonly undelivered: number;
  /** Instances that are given up, or not there. */
  readonly lost: number;
  /** Events about it were lost: counts are a lower bound. */
  readonly incomplete: boolean;
}

/** What the ledger knows of a calling AE has changed, or is told for the first time in this process. */
export interface SourceObserved {
  readonly type: 'source.observed';
  readonly at: EpochMs;
  readonly callingAeTitle: string;
  /** Quiet for longer than its habit at this hour of the week. */
  readonly silent: boolean;
  /** Before it was silent, where it is or was. */
  readonly lastSeenAt: EpochMs;
  /** How long it may be quiet, from when it was last seen; undefined: too little is known of it. */
  readonly habitGapMs: number | undefined;
  /** Told by one of the nodes that share a ledger; undefined: it only is so. */
  readonly change: 'silent' | 'back' | undefined;
}

/** A calling AE took a worklist item up, and no study with its accession number followed in time. */
export interface WorklistUnfollowed {
  readonly type: 'worklist.unfollowed';
  readonly at: EpochMs;
  readonly callingAeTitle: string;
  /** When it took it up. */
  readonly askedAt: EpochMs;
}

/** Every event there is. */
export type TelemetryEvent =
  | AssociationOpened
  | AssociationAccepted
  | AssociationTakenOver
  | AssociationEnded
  | OperationEnded
  | DeliveryAttempted
  | DeliveryDeadLettered
  | DeliveryBacklogEnded
  | CircuitChanged
  | SpoolCommitted
  | SpoolFailed
  | SpoolAcceptanceChanged
  | SpoolFound
  | QueueAvailabilityChanged
  | StudyClosed
  | StudyRevised
  | StudyVerified
  | StudyCommitted
  | StudyTold
  | SourceObserved
  | WorklistUnfollowed;

/** Where stages publish. Never throws, never blocks, never keeps more than a bounded number of events. */
export type Publish = (event: TelemetryEvent) => void;
