/** Tells of one association that we opened: opened, accepted, ended, each at most once. */
import { randomUUID } from 'node:crypto';
import type { Destination } from '@radiotracer/config';
import type { AssociationAccepted, AssociationOutcome, Publish } from '@radiotracer/telemetry';
import {
  AssociationError,
  type AssociationErrorType,
  type Clock,
  rejectText,
  requestorMaxPduBytes,
  type TlsFacts,
  type Transport,
} from '@radiotracer/upper-layer';
import { type AssociateAc, trimUid, type UserInformationSubItem } from '@radiotracer/wire';

export interface AssociationFacts {
  readonly destination: Destination;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  readonly proposedContexts: number;
}

export type AssociationAnswer = Pick<AssociationAccepted, 'acceptedContexts' | 'refusedSopClasses'>;

const timeouts: readonly AssociationErrorType[] = [
  'connect_timeout',
  'associate_timeout',
  'dimse_timeout',
  'idle_timeout',
  'release_timeout',
  'artim_timeout',
  'tls_handshake_timeout',
];

export class AssociationLog {
  readonly id = randomUUID();
  readonly #publish: Publish;
  readonly #clock: Pick<Clock, 'now'>;
  #isOver = true;

  constructor(publish: Publish, clock: Pick<Clock, 'now'>) {
    this.#publish = publish;
    this.#clock = clock;
  }

  opened({ destination, callingAeTitle, calledAeTitle, proposedContexts }: AssociationFacts): void {
    this.#isOver = false;
    this.#publish({
      type: 'association.opened',
      associationId: this.id,
      role: 'client',
      pairedWith: undefined,
      at: this.#clock.now(),
      callingAeTitle,
      calledAeTitle,
      peerAddress: destination.host,
      peerPort: destination.port,
      destinationId: destination.id,
      routeId: undefined,
      proposedContexts,
      requestorMaxPduBytes,
      requestorImplementationClassUid: undefined,
      requestorImplementationVersionName: undefined,
    });
  }

  accepted(ac: AssociateAc, answer: AssociationAnswer, tls: TlsFacts | undefined): void {
    const items = ac.items.flatMap((item): readonly UserInformationSubItem[] => (item.kind === 'user-information' ? item.items : []));
    const maximum = items.find((item) => item.kind === 'maximum-length');
    const classUid = items.find((item) => item.kind === 'implementation-class-uid');
    const version = items.find((item) => item.kind === 'implementation-version-name');
    this.#publish({
      type: 'association.accepted',
      associationId: this.id,
      at: this.#clock.now(),
      ...answer,
      acceptorMaxPduBytes: maximum?.bytes ?? 0,
      acceptorImplementationClassUid: classUid === undefined ? undefined : trimUid(classUid.uid),
      acceptorImplementationVersionName: version?.name,
      tls,
    });
  }

  /** `error`: undefined for a release; `self` where we aborted it. */
  ended(error: unknown, operations: number, transport: Transport | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const how = outcomeOf(error);
    this.#publish({
      type: 'association.ended',
      associationId: this.id,
      at: this.#clock.now(),
      ours: how.errorType === 'internal',
      ...how,
      operations,
      bytesReceived: transport?.socket.bytesRead ?? 0,
      bytesSent: transport?.socket.bytesWritten ?? 0,
    });
  }
}

/** What ended an association that we aborted ourselves. */
export const self = Symbol('aborted by ourselves');

function outcomeOf(error: unknown) {
  const nothing = { reject: undefined, abort: undefined };
  const by = (outcome: AssociationOutcome, errorType: AssociationErrorType | undefined) => ({ ...nothing, outcome, errorType });
  if (error === undefined) return by('released', undefined);
  const bySelf = { source: 0, reason: 0, by: 'self' as const };
  if (error === self) return { ...by('aborted', 'aborted'), abort: bySelf };
  if (!(error instanceof AssociationError)) return by('failed', 'internal');
  const { errorType, rejection, abort } = error;
  if (rejection !== undefined) return { ...by('rejected', errorType), reject: { ...rejection, meaning: rejectText(rejection) } };
  if (errorType === 'aborted')
    return { ...by('aborted', errorType), abort: abort === undefined ? bySelf : { ...abort, by: 'peer' as const } };
  if (errorType === 'connection_closed') return by('closed', errorType);
  return by(timeouts.includes(errorType) ? 'timed_out' : 'failed', errorType);
}
