/**
 * The closed list of events that the stages publish. A stage tells what happened, with times and numbers; what becomes of it
 * (span, metric, log line) is decided in one place and never by the stage.
 *
 * Times are milliseconds since the Unix epoch, with fractions. Identifiers of patients and studies may stand in an event (they
 * are needed to compute keyed hashes) and never in what leaves: the attribute registry decides that.
 */
import type {
  AssociationAccepted,
  AssociationEnded,
  AssociationOpened,
  AssociationTakenOver,
  SopClassRefused,
} from './event/association-events.ts';
import type { CircuitChanged, DeliveryAttempted, DeliveryBacklogEnded, DeliveryDeadLettered } from './event/delivery-events.ts';
import type { OperationEnded } from './event/operation-events.ts';
import type { SourceObserved, WorklistUnfollowed } from './event/source-events.ts';
import type { QueueAvailabilityChanged, SpoolAcceptanceChanged, SpoolCommitted, SpoolFailed, SpoolFound } from './event/spool-events.ts';
import type { StudyClosed, StudyCommitted, StudyRevised, StudyTold, StudyVerified } from './event/study-events.ts';

export type * from './event/association-events.ts';
export type * from './event/delivery-events.ts';
export type * from './event/epoch-ms.ts';
export type * from './event/error-type.ts';
export type * from './event/operation-events.ts';
export type * from './event/source-events.ts';
export type * from './event/spool-events.ts';
export type * from './event/study-events.ts';

/** Every event there is. */
export type TelemetryEvent =
  | AssociationOpened
  | AssociationAccepted
  | AssociationTakenOver
  | AssociationEnded
  | SopClassRefused
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
