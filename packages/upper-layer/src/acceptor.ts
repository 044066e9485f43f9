/**
 * An association that we accept ourselves: negotiated by a policy, then performed (see performer.ts).
 *
 *   const acceptor = new Acceptor({ transport, negotiate, … }, {
 *     message: ({ command, respond }) => sink,
 *     ended: (error) => …,
 *     closed: () => …,
 *   });
 */
import { type AssociateRq, decodePdu, encodePdu, type PduLimits, type PduReaderLimits, WireError } from '@radiotracer/wire';
import { agreedContexts, associateResponse, type ContextResult, maxPduBytesOf } from './associate-response.ts';
import { Association } from './association.ts';
import { type AbortReason, AssociationError } from './association-error.ts';
import type { AssociationUser } from './association-user.ts';
import type { Clock } from './clock.ts';
import { rejectPdu } from './fixed-pdus.ts';
import { ignoreData, type PdataSink } from './pdata-sink.ts';
import { type MessageHandler, Performer, type PerformerLimits } from './performer.ts';
import type { AssociationTimeouts } from './state-timer.ts';
import type { Transport } from './transport.ts';

/** What a policy answers to an A-ASSOCIATE-RQ: the contexts of an AC (`acceptContexts` makes them), or an RJ (PS3.8 table 9-21). */
export type Negotiation =
  | { readonly contexts: readonly ContextResult[] }
  | { readonly reject: { readonly result: number; readonly source: number; readonly reason: number } };

export interface AcceptorOptions {
  readonly transport: Transport;
  /** For messages: `10.1.2.3:50112`. */
  readonly peer: string;
  /** Pure. */
  readonly negotiate: (rq: AssociateRq) => Negotiation;
  /** What we announce to take in one P-DATA-TF; 0: no limit. What is longer is refused by `limits` only. */
  readonly maxPduBytes: number;
  readonly timeouts: AssociationTimeouts;
  readonly limits: PduReaderLimits & PduLimits & PerformerLimits;
  readonly clock: Clock;
}

export interface AcceptorUser extends MessageHandler {
  /** The A-ASSOCIATE-AC went out. */
  accepted?(): void;
  /**
   * The association is over, or never came about; told once. Undefined: released, or rejected by our own policy. A data set that was
   * half here has been told `lost` before.
   */
  ended(error: AssociationError | undefined): void;
  /** The transport is gone. Told once, last. */
  closed(): void;
}

export class Acceptor {
  readonly #association: Association;
  readonly #options: AcceptorOptions;
  readonly #user: AcceptorUser;
  #rq: AssociateRq | undefined;
  #agreed: ReadonlyMap<number, string> = new Map();
  #performer: Performer | undefined;
  #ended = false;

  constructor(options: AcceptorOptions, user: AcceptorUser) {
    this.#options = options;
    this.#user = user;
    this.#association = new Association({ ...options, role: 'acceptor' }, this.#associationUser());
  }

  /** What the peer asked for; undefined until it has. */
  get rq(): AssociateRq | undefined {
    return this.#rq;
  }

  /** The transfer syntax of every accepted context, by context id. */
  get agreed(): ReadonlyMap<number, string> {
    return this.#agreed;
  }

  /** Responses that the transport has not taken yet. */
  get bufferedBytes(): number {
    return this.#association.bufferedBytes;
  }

  get bytesReceived(): number {
    return this.#association.bytesReceived;
  }

  /** No more messages until `resume`: backpressure, down to the peer's socket. What has been read already is still told. */
  pause(): void {
    this.#performer?.pause();
  }

  resume(): void {
    this.#performer?.resume();
  }

  /** Ends the association by A-ABORT; by default its service user's. */
  abort(abort: AbortReason = { source: 0, reason: 0 }): void {
    this.#association.abort(abort);
    this.#end(new AssociationError('aborted', `we aborted the association (${this.#options.peer})`));
  }

  /** Closes the transport at once. */
  destroy(): void {
    this.#association.destroy();
    this.#end(new AssociationError('aborted', `we closed the connection (${this.#options.peer})`));
  }

  #end(error: AssociationError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#performer?.end(error ?? new AssociationError('protocol_error', `released inside a message (${this.#options.peer})`));
    this.#user.ended(error);
  }

  #requested(bytes: Uint8Array): void {
    const rq = decodePdu(bytes, this.#options.limits);
    if (rq.kind !== 'A-ASSOCIATE-RQ') throw new WireError('pdu-malformed', 'an A-ASSOCIATE-RQ was expected', 2);
    this.#rq = rq;
    const answer = this.#options.negotiate(rq);
    if ('reject' in answer) {
      const { result, source, reason } = answer.reject;
      this.#association.reject(rejectPdu(result, source, reason));
      this.#end(undefined);
      return;
    }
    const ac = associateResponse(rq, answer.contexts, this.#options.maxPduBytes);
    this.#agreed = agreedContexts(ac);
    this.#performer = new Performer(
      {
        association: this.#association,
        agreed: this.#agreed,
        peerMaxPduBytes: maxPduBytesOf(rq),
        limits: this.#options.limits,
      },
      this.#user,
    );
    this.#association.accept(encodePdu(ac));
    this.#user.accepted?.();
  }

  #associationUser(): AssociationUser {
    const acceptor = this;
    const { peer } = this.#options;
    return {
      get data(): PdataSink {
        return acceptor.#performer ?? ignoreData;
      },
      associateIndication: (rq) => this.#requested(rq),
      associateAccepted() {},
      associateRejected() {},
      releaseIndication: () => {
        // Half a message must not look like a whole one.
        if (this.#performer?.midMessage) throw new WireError('message-malformed', 'the association was released inside a message', 2);
        this.#association.releaseResponse();
        this.#end(undefined);
      },
      releaseConfirmation() {},
      abortIndication: ({ source, reason }) =>
        this.#end(new AssociationError('aborted', `the peer aborted the association: source ${source}, reason ${reason} (${peer})`)),
      providerAbort: (error) => this.#end(error),
      drained: () => this.#performer?.drained(),
      closed: () => {
        this.#end(new AssociationError('connection_closed', `the connection was closed (${peer})`));
        this.#user.closed();
      },
    };
  }
}
