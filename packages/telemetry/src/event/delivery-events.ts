/** What was spooled on its way to its destination, and the state of destinations. */
import type { EpochMs } from './epoch-ms.ts';
import type { ErrorType } from './error-type.ts';
import type { StatusClass } from './operation-events.ts';

/** Why an instance was not delivered. */
export type DeliveryErrorType =
  | ErrorType
  /** The bytes of the file are not those that were received; moved aside. */
  | 'digest_mismatch'
  /** The file is cut short or not what was written; moved aside. */
  | 'instance_damaged'
  /** Given up before a crash, by a process that could not tell it any more. */
  | 'dead_in_spool'
  /** Tried for too long. */
  | 'retry_budget_exhausted';

/** What is known of a spooled instance. */
export interface SpooledInstanceFacts {
  /** The spool's id. */
  readonly instanceId: string;
  /** Undefined: its file does not say it any more. */
  readonly routeId: string | undefined;
  readonly destinationId: string;
  /** As the destination sees it. */
  readonly callingAeTitle: string;
  /** As the destination sees it. Undefined: its file does not say it any more. */
  readonly calledAeTitle: string | undefined;
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
  /**
   * spared: not sent, for one with the same bytes was delivered while this one waited; retry: due again; dead: given up, `delivery.dead_lettered`
   * follows; unsent: broken off by our own stop.
   */
  readonly outcome: 'delivered' | 'spared' | 'retry' | 'dead' | 'unsent';
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
  /** Attempts in all; undefined where nobody knows. */
  readonly attempts: number | undefined;
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
