import type { AbortReason, AssociationError } from './association-error.ts';
import type { PdataSink } from './pdata-sink.ts';

/**
 * The indications and confirmations of PS3.8 section 7, as told by an {@link Association} to the one that uses it. PDUs come as the
 * bytes of the wire. After `abortIndication` or `providerAbort` nothing but `closed` follows.
 */
export interface AssociationUser {
  /** A-ASSOCIATE indication (acceptor): answer with `accept` or `reject`. */
  associateIndication(rq: Uint8Array): void;
  /** A-ASSOCIATE confirmation (requestor), accepted. */
  associateAccepted(ac: Uint8Array): void;
  /** A-ASSOCIATE confirmation (requestor), rejected; the transport is being closed. */
  associateRejected(rj: Uint8Array): void;
  /** P-DATA indications. Read anew for each chunk, so that it may change between two chunks. */
  readonly data: PdataSink;
  /** A-RELEASE indication: answer with `releaseResponse`. Also told in a collision, when our own request is still unanswered. */
  releaseIndication(): void;
  /** A-RELEASE confirmation: our request was answered. */
  releaseConfirmation(): void;
  /** A-ABORT indication: the peer aborted. */
  abortIndication(abort: AbortReason): void;
  /** A-P-ABORT indication: a protocol error, a time-out or the loss of the transport ended the association. */
  providerAbort(error: AssociationError): void;
  /** The transport has taken what was too much; see `bufferedBytes`. */
  drained(): void;
  /** The transport is gone. Told exactly once, last. */
  closed(): void;
}
