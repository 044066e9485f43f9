/** What is told of one association of a pair: opened, accepted, ended, each at most once. */
import { randomUUID } from 'node:crypto';
import type { AssociationOpened, AssociationOutcome, ErrorType, Publish } from '@radiotracer/telemetry';
import {
  type AbortReason,
  type Association,
  type AssociationError,
  type Rejection,
  rejectText,
  type TlsFacts,
} from '@radiotracer/upper-layer';
import type { answeredTo, UserInformation } from './agreement.ts';

/** How a leg ended. What is left out did not happen. */
export interface LegEnd {
  readonly outcome: AssociationOutcome;
  readonly errorType?: ErrorType;
  readonly ours?: boolean;
  readonly reject?: Rejection;
  readonly abort?: AbortReason & { readonly by: 'peer' | 'self' };
}

export class Leg {
  readonly id = randomUUID();
  readonly #publish: Publish;
  readonly #now: () => number;
  #role: AssociationOpened['role'] | undefined;
  #isNothingAccepted = false;
  #ended = false;

  constructor(publish: Publish, now: () => number) {
    this.#publish = publish;
    this.#now = now;
  }

  opened(event: Omit<AssociationOpened, 'type' | 'associationId' | 'at'>): void {
    this.#role = event.role;
    this.#publish({ type: 'association.opened', associationId: this.id, at: this.#now(), ...event });
  }

  accepted(answer: ReturnType<typeof answeredTo>, acceptor: UserInformation, tls: TlsFacts | undefined): void {
    this.#isNothingAccepted = answer.acceptedContexts === 0;
    this.#publish({
      type: 'association.accepted',
      associationId: this.id,
      at: this.#now(),
      ...answer,
      acceptorMaxPduBytes: acceptor.maxPduBytes,
      acceptorImplementationClassUid: acceptor.implementationClassUid,
      acceptorImplementationVersionName: acceptor.implementationVersionName,
      tls,
    });
  }

  ended(end: LegEnd, operations: number, association: Pick<Association, 'bytesReceived' | 'bytesSent'>): void {
    if (this.#ended || this.#role === undefined) return;
    this.#ended = true;
    // However the modality then leaves: it has sent nothing, and this is why. The destination has done nothing wrong.
    const isRefused = this.#isNothingAccepted && this.#role === 'server' && end.ours !== true;
    this.#publish({
      type: 'association.ended',
      associationId: this.id,
      at: this.#now(),
      outcome: end.outcome,
      errorType: isRefused ? 'presentation_context_refused' : end.errorType,
      ours: end.ours ?? false,
      reject: end.reject === undefined ? undefined : { ...end.reject, meaning: rejectText(end.reject) },
      abort: end.abort,
      operations,
      bytesReceived: association.bytesReceived,
      bytesSent: association.bytesSent,
    });
  }
}

/** How an association that was lost has ended. */
export function endBy(error: AssociationError): LegEnd {
  switch (error.errorType) {
    case 'connection_closed':
      return { outcome: 'closed', errorType: error.errorType };
    case 'artim_timeout':
    case 'associate_timeout':
    case 'connect_timeout':
    case 'idle_timeout':
    case 'release_timeout':
    case 'tls_handshake_timeout':
      return { outcome: 'timed_out', errorType: error.errorType, ours: true };
    default:
      return { outcome: 'failed', errorType: error.errorType, ours: error.errorType === 'internal' };
  }
}
