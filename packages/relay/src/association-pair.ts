/**
 * A modality's association and the one that it becomes at the destination, as one:
 *
 *   modality ──A-ASSOCIATE-RQ──> server ──the same bytes──> client ──> destination
 *   modality <──AC, RJ, ABORT, as they came── server <── client <── destination
 *   modality <══ P-DATA, two one-way links ══> destination
 *
 * Everything that a side says is said to the other: release, abort and close are mirrored. What the pair says of itself is a
 * rejection before the association (no route, overload, no destination) and an abort after; or, where storage is kept, nothing: it goes on
 * without the destination (take-over.ts).
 */

import type { Destination, Limits, Timeouts } from '@radiotracer/config';
import type { ErrorType, Publish } from '@radiotracer/telemetry';
import {
  type AbortReason,
  type Association,
  AssociationError,
  type AssociationUser,
  agreedContexts,
  type Clock,
  type Ends,
  ignoreData,
  type PdataSink,
  type Performer,
  type Rejection,
  rejectionOf,
  rejectPdu,
  type Transport,
} from '@radiotracer/upper-layer';
import { type AssociateAc, type AssociateRq, decodePdu, encodePdu, WireError } from '@radiotracer/wire';
import { answeredTo, requestorOf, userInformation } from './agreement.ts';
import { ClientSide } from './client-side.ts';
import type { DataSetWants } from './data-set-reading.ts';
import { endBy, type LegEnd } from './leg.ts';
import type { Link } from './link.ts';
import type { Patience } from './operation-log.ts';
import { isTransient, reject } from './rejection.ts';
import { Relaying } from './relaying.ts';
import { isForReports, type OwnReports, ReportTaker } from './report-taker.ts';
import type { FindRoute, RouteDecision } from './route.ts';
import { ServerSide } from './server-side.ts';
import type { Failed } from './stand-in.ts';
import { SwitchSink } from './switch-sink.ts';
import { TakeOver, type TakeOverPorts } from './take-over.ts';

/** What a pair needs of its surroundings. */
export interface PairPorts {
  readonly clock: Clock;
  readonly publish: Publish;
  readonly findRoute: FindRoute;
  readonly connect: (destination: Destination) => Transport;
  /** Undefined: welcome. Otherwise why this association is one too many just now. */
  readonly refusal: (accepted: Ends) => 'limit_exceeded' | 'shutdown' | 'loop' | undefined;
  readonly limits: Limits;
  /** For the server side, where no destination is known yet. */
  readonly timeouts: Timeouts;
  /** Undefined: a failing destination is reported, never taken over. */
  readonly takeOver?: TakeOverPorts;
  /** What is read of data sets, beside the heads of instances. Undefined: nothing. */
  readonly dataSets?: DataSetWants | undefined;
  /** Of storage commitments that we ask for ourselves. Undefined: none are asked for, and every association goes by its route. */
  readonly reports?: OwnReports | undefined;
}

/** Who keeps the pairs. */
export interface PairLifetime {
  /** The association is over; its transports close in their own time. */
  ended(pair: AssociationPair): void;
  /** Nothing of it is left. */
  closed(pair: AssociationPair): void;
}

/** A-ABORT by the service-provider, reason not specified. */
const providerAbort: AbortReason = { source: 2, reason: 0 };

export class AssociationPair {
  readonly #ports: PairPorts;
  readonly #server: ServerSide;
  readonly #lifetime: PairLifetime;
  /** Until it is answered. */
  #rq: AssociateRq | undefined;
  #isRequested = false;
  /** Undefined: no destination was asked. */
  #client: ClientSide | undefined;
  /** What the modality sends goes to the link, or after a take-over to the performer. */
  readonly #fromModality = new SwitchSink();
  #takeOver: TakeOver | undefined;
  #reports: ReportTaker | undefined;
  /** Undefined: the association is not agreed yet. */
  #relaying: Relaying | undefined;
  #ended = false;
  #serverClosed = false;
  #clientClosed = false;

  constructor(transport: Transport, ports: PairPorts, lifetime: PairLifetime) {
    this.#ports = ports;
    this.#lifetime = lifetime;
    this.#server = new ServerSide(transport, ports, this.#serverUser());
  }

  /** Whether it is an association: its A-ASSOCIATE-RQ has come, and its end has not. Its transports may live a little longer. */
  get active(): boolean {
    return this.#isRequested && !this.#ended;
  }

  /** Of the modality; empty: it had left before it was looked at. */
  get peerAddress(): string {
    return this.#server.peerAddress;
  }

  /** Answers the modality in the destination's place, or for ourselves; undefined: the destination answers. */
  get #performer(): Performer | undefined {
    return this.#takeOver?.performer ?? this.#reports?.performer;
  }

  /** The destination that takes part in it; undefined: none yet, or none any more. */
  get relayedTo(): string | undefined {
    return this.active && this.#performer === undefined ? this.#client?.decision.destination.id : undefined;
  }

  /** Ends both associations by A-ABORT: the process is going. */
  abort(): void {
    this.#end({ outcome: 'aborted', errorType: 'shutdown', ours: true, abort: { ...providerAbort, by: 'self' } }, 'shutdown');
    this.#performer?.end(new AssociationError('shutdown', 'the process ends'));
    this.#server.association.abort(providerAbort);
    this.#client?.association.abort(providerAbort);
  }

  /** Closes what is left at once. */
  destroy(): void {
    this.#server.association.destroy();
    this.#client?.association.destroy();
  }

  #serverUser(): AssociationUser {
    return {
      data: this.#fromModality,
      associateIndication: (rq) => this.#requestedBy(rq),
      associateAccepted() {},
      associateRejected() {},
      releaseIndication: () => {
        const performer = this.#performer;
        if (performer === undefined) this.#releaseAsked(this.#server.association, this.#client?.association, this.#relaying?.toDestination);
        else this.#releasedFromPerformer(performer);
      },
      releaseConfirmation: () => this.#releaseAnswered(this.#server.association, this.#client?.association),
      abortIndication: (abort) => {
        this.#end({ outcome: 'aborted', errorType: 'aborted', abort: { ...abort, by: 'peer' } }, 'aborted');
        this.#performer?.end(new AssociationError('aborted', 'the modality aborted the association'));
        this.#client?.association.abort(abort);
      },
      providerAbort: (error) => this.#serverLost(error),
      drained: () => (this.#performer ?? this.#relaying?.toModality)?.drained(),
      closed: () => {
        this.#serverClosed = true;
        if (this.#client === undefined) this.#clientClosed = true;
        this.#closedIfAll();
      },
    };
  }

  #clientUser(): AssociationUser {
    const pair = this;
    return {
      get data(): PdataSink {
        return pair.#relaying?.toModality ?? ignoreData;
      },
      associateIndication() {},
      associateAccepted: (ac) => this.#accepted(ac),
      associateRejected: (rj) => this.#rejected(rj),
      releaseIndication: () => {
        if (this.#client !== undefined) this.#releaseAsked(this.#client.association, this.#server.association, this.#relaying?.toModality);
      },
      releaseConfirmation: () => {
        if (this.#client !== undefined) this.#releaseAnswered(this.#client.association, this.#server.association);
      },
      abortIndication: (abort) => {
        this.#clientEnded({ outcome: 'aborted', errorType: 'aborted', abort: { ...abort, by: 'peer' } });
        if (this.#takenOver('aborted')) return;
        this.#end({ outcome: 'aborted', errorType: 'aborted', abort: { ...abort, by: 'self' } }, 'aborted');
        this.#server.association.abort(abort);
      },
      providerAbort: (error) => this.#destinationLost(error),
      drained: () => this.#relaying?.toDestination.drained(),
      closed: () => {
        this.#clientClosed = true;
        this.#closedIfAll();
      },
    };
  }

  // Opening.

  #requestedBy(bytes: Uint8Array): void {
    const rq = decodePdu(bytes, { maxPresentationContexts: this.#ports.limits.maxPresentationContexts });
    if (rq.kind !== 'A-ASSOCIATE-RQ') throw new WireError('pdu-malformed', 'an A-ASSOCIATE-RQ was expected', 2);
    this.#rq = rq;
    this.#isRequested = true;
    const { reports } = this.#ports;
    const isForUs = reports !== undefined && isForReports(rq, reports);
    const found = isForUs
      ? undefined
      : this.#ports.findRoute({
          calledAet: rq.calledAeTitle,
          callingAet: rq.callingAeTitle,
          sourceAddress: this.#server.peerAddress,
        });
    this.#server.opened(rq, found?.route);
    const refusal = this.#ports.refusal(this.#server.ends);
    // For now, as all of these: what is kept meanwhile goes where it belongs as soon as the destination is put right.
    if (refusal !== undefined) this.#refuse(refusal === 'loop' ? reject.destinationUnavailable : reject.overload, refusal, true);
    else if (isForUs) this.#take(rq, reports);
    else if (found?.route !== undefined) this.#route(rq, bytes, found);
    else this.#refuse(found?.unknown === 'calling' ? reject.unknownCalling : reject.unknownCalled, 'no_route', false);
  }

  #route(rq: AssociateRq, bytes: Uint8Array, decision: RouteDecision): void {
    const { takeOver: ports, limits, clock, publish } = this.#ports;
    if (ports !== undefined) {
      const options = { ports, decision, requestor: requestorOf(rq), limits, clock, publish };
      const here = { server: this.#server.association, serverAssociationId: this.#server.leg.id, sourceAddress: this.#server.peerAddress };
      this.#takeOver = new TakeOver({ ...options, ...here, fromModality: this.#fromModality, dataSets: this.#ports.dataSets });
      if (this.#takeOver.atOnce(rq) && this.#standInFromStart(this.#takeOver, undefined)) return;
    }
    this.#open(rq, bytes, decision);
  }

  /** Its reports are for us. */
  #take(rq: AssociateRq, reports: OwnReports): void {
    const { limits, clock, publish } = this.#ports;
    const here = { server: this.#server.association, serverAssociationId: this.#server.leg.id };
    this.#reports = new ReportTaker({ ...here, reports, rq, limits, clock, publish });
    const { ac, performer, agreed } = this.#reports;
    this.#rq = undefined;
    this.#fromModality.to = performer;
    this.#server.association.accept(encodePdu(ac));
    this.#server.leg.accepted(answeredTo(rq, agreed), userInformation(ac), this.#server.association.tls);
  }

  #open(rq: AssociateRq, bytes: Uint8Array, decision: RouteDecision): void {
    const timeouts = this.#takeOver?.timeouts ?? decision.destination.timeouts;
    this.#client = new ClientSide({ ...this.#ports, decision, timeouts }, this.#clientUser());
    this.#client.request(rq, bytes, this.#server.leg.id);
  }

  #accepted(bytes: Uint8Array): void {
    const rq = this.#rq;
    const client = this.#client;
    if (rq === undefined || client === undefined) return;
    const { clock, limits, publish, dataSets } = this.#ports;
    const ac = decodePdu(bytes, { maxPresentationContexts: limits.maxPresentationContexts });
    if (ac.kind !== 'A-ASSOCIATE-AC') throw new WireError('pdu-malformed', 'an A-ASSOCIATE-AC was expected', 2);
    const { destination } = client.decision;
    const contexts = agreedContexts(ac);
    const relaying = new Relaying({
      ...{ server: this.#server.association, serverAssociationId: this.#server.leg.id, requestor: requestorOf(rq) },
      ...{ client: client.association, clientAssociationId: client.leg.id, ac, contexts, destination },
      ...{ limits, clock, publish, dataSets, policy: this.#takeOver?.accompany(rq, ac, contexts) },
      withheld: () => {
        if (!this.#takenOver('status_failure')) return;
        this.#clientEnded({ outcome: 'aborted', errorType: 'status_failure', abort: { ...providerAbort, by: 'self' } });
        client.association.abort(providerAbort);
      },
      timedOut: (by) => this.#responseTimedOut(by),
    });
    this.#relaying = relaying;
    this.#fromModality.to = relaying.toDestination;
    this.#server.association.accept(client.answerTo(rq, bytes));
    this.#rq = undefined;
    const { acceptor } = relaying;
    const answer = answeredTo(rq, contexts);
    this.#server.leg.accepted(answer, acceptor, this.#server.association.tls);
    client.leg.accepted(answer, acceptor, client.association.tls);
  }

  #rejected(rj: Uint8Array): void {
    const rejection = rejectionOf(rj);
    this.#clientEnded({ outcome: 'rejected', errorType: 'rejected', reject: rejection });
    if (isTransient(rejection) && this.#takenOver('rejected')) return;
    this.#end({ outcome: 'rejected', errorType: 'rejected', reject: rejection }, 'rejected');
    this.#server.association.reject(rj);
  }

  #refuse(rejection: Rejection, errorType: ErrorType, ours: boolean): void {
    this.#end({ outcome: 'rejected', errorType, ours, reject: rejection }, errorType);
    this.#server.association.reject(rejectPdu(rejection.result, rejection.source, rejection.reason));
  }

  // Taking over.

  /** Goes on without the destination, if that can be. False: the failure is to be reported. */
  #takenOver(errorType: ErrorType): boolean {
    const takeOver = this.#takeOver;
    const { client, serverState } = { client: this.#client, serverState: this.#server.association.state };
    if (takeOver?.performer !== undefined) return true;
    if (takeOver === undefined || client === undefined || this.#ended) return false;
    // Within an association it may have been this modality's doing, and says nothing of the next one; but not that it does not answer.
    if (serverState === 'Sta3' || errorType === 'dimse_timeout') this.#ports.takeOver?.fared(client.decision.destination.id, errorType);
    const failed = { errorType, clientAssociationId: client.leg.id };
    if (serverState === 'Sta3') return this.#standInFromStart(takeOver, failed);
    const isReleasing = serverState === 'Sta8';
    if (isReleasing && takeOver.possible && this.#relaying?.operations.isAnswerOwed !== true) {
      // The modality has asked for release, and waits for nothing else.
      this.#server.association.releaseResponse();
      this.#end({ outcome: 'released' }, 'connection_closed');
      return true;
    }
    const relaying = this.#relaying;
    if (relaying === undefined) return false;
    if (!takeOver.fromHere(relaying, failed)) return false;
    relaying.stopWaiting();
    if (isReleasing && this.#performer !== undefined) this.#releaseWhenAnswered(this.#performer);
    return true;
  }

  #standInFromStart(takeOver: TakeOver, failed: Failed | undefined): boolean {
    const rq = this.#rq;
    if (rq === undefined) return false;
    const accepted = (ac: AssociateAc, agreed: ReadonlyMap<number, string>) => {
      this.#rq = undefined;
      this.#server.leg.accepted(answeredTo(rq, agreed), userInformation(ac), this.#server.association.tls);
    };
    return takeOver.fromStart(rq, accepted, failed);
  }

  #releasedFromPerformer(performer: Performer): void {
    if (performer.midMessage) throw new WireError('message-malformed', 'the association was released inside a message', 2);
    this.#releaseWhenAnswered(performer);
  }

  /** A release alone would say nothing of what the modality has sent and heard nothing of. */
  #releaseWhenAnswered(performer: Performer): void {
    performer.whenAllAnswered(() => {
      this.#server.association.releaseResponse();
      this.#end({ outcome: 'released' }, 'connection_closed');
    });
  }

  // Ending.

  #releaseAsked(by: Association, other: Association | undefined, link: Link | undefined): void {
    if (other === undefined) return;
    if (link?.midMessage) {
      // Half a message must not look like a whole one: no release over it, on either side.
      const abort = { source: 2, reason: 2 };
      this.#end({ outcome: 'aborted', errorType: 'protocol_error', abort: { ...abort, by: 'self' } }, 'protocol_error');
      by.abort(abort);
      other.abort(abort);
    } else if (other.state === 'Sta6') {
      other.releaseRequest();
    } else if (by.state === 'Sta9') {
      // Collision, we are the requestor here: we answer first (PS3.8 7.2.2.7).
      by.releaseResponse();
    }
  }

  #releaseAnswered(by: Association, other: Association | undefined): void {
    this.#clientEnded({ outcome: 'released' });
    this.#end({ outcome: 'released' }, 'connection_closed');
    other?.releaseResponse();
    if (by.state === 'Sta12') by.releaseResponse();
  }

  #serverLost(error: AssociationError): void {
    if (!this.#isRequested) this.#server.opened(undefined, undefined);
    const client = this.#client?.association;
    this.#end(endBy(error), error.errorType);
    this.#performer?.end(error);
    if (client === undefined) return;
    // A close without a release is what the destination would have seen; while it has not answered, there is nothing to close on.
    if (error.errorType === 'connection_closed' && client.state !== 'Sta4' && client.state !== 'Sta5') client.close();
    else client.abort(providerAbort);
  }

  #destinationLost(error: AssociationError): void {
    this.#clientEnded(endBy(error));
    if (error.errorType === 'idle_timeout' && this.#relaying?.isDestinationOwing !== true) {
      // Nobody waits for it: that the association is quiet is the modality's doing.
      this.#timedOut(error.errorType);
      return;
    }
    if (this.#takenOver(error.errorType)) return;
    if (this.#server.association.state === 'Sta3') {
      this.#refuse(reject.destinationUnavailable, error.errorType, true);
      return;
    }
    const abort = providerAbort;
    this.#end({ outcome: 'aborted', errorType: error.errorType, ours: true, abort: { ...abort, by: 'self' } }, error.errorType);
    this.#server.association.abort(abort);
  }

  /** Tells the end of the pair: the operations left open, the server's leg, and the client's unless its own end was told before. */
  #end(end: LegEnd, openOperations: ErrorType): void {
    this.#ended = true;
    this.#relaying?.stopWaiting();
    this.#relaying?.operations.end(openOperations, end.ours ?? false);
    const operations = (this.#relaying?.operations.count ?? 0) + (this.#takeOver?.operations ?? 0) + (this.#reports?.count ?? 0);
    this.#server.leg.ended(end, operations, this.#server.association);
    this.#clientEnded(end.abort?.by === 'peer' ? { ...end, abort: { ...end.abort, by: 'self' } } : end);
    this.#lifetime.ended(this);
  }

  #clientEnded(end: LegEnd): void {
    if (this.#client === undefined) return;
    this.#client.leg.ended(end, this.#relaying?.operations.count ?? 0, this.#client.association);
  }

  #closedIfAll(): void {
    if (this.#serverClosed && this.#clientClosed) this.#lifetime.closed(this);
  }

  #responseTimedOut(by: Patience['by']): void {
    if (by === 'destination' && this.#takenOver('dimse_timeout')) {
      this.#clientEnded(timedOut('dimse_timeout'));
      this.#client?.association.abort(providerAbort);
      return;
    }
    this.#timedOut('dimse_timeout');
  }

  #timedOut(errorType: 'dimse_timeout' | 'idle_timeout'): void {
    this.#end(timedOut(errorType), errorType);
    this.#client?.association.abort(providerAbort);
    this.#server.association.abort(providerAbort);
  }
}

/** We waited long enough, and abort it. */
function timedOut(errorType: 'dimse_timeout' | 'idle_timeout'): LegEnd {
  return { outcome: 'timed_out', errorType, ours: true, abort: { ...providerAbort, by: 'self' } };
}
