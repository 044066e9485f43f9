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

import type { Destination, Limits, Route, Timeouts } from '@radiotracer/config';
import type { ErrorType, Publish } from '@radiotracer/telemetry';
import {
  type AbortReason,
  Association,
  AssociationError,
  type AssociationUser,
  agreedContexts,
  type Clock,
  ignoreData,
  type PdataSink,
  type Performer,
  rejectPdu,
  type Transport,
} from '@radiotracer/upper-layer';
import {
  type AssociateAc,
  type AssociateRq,
  decodePdu,
  encodeAssociateRqWithTitles,
  encodePdu,
  trimAeTitle,
  WireError,
} from '@radiotracer/wire';
import { proposedContexts, requestorOf, userInformation } from './agreement.ts';
import type { DataSetWants } from './data-set-reading.ts';
import { endBy, Leg, type LegEnd } from './leg.ts';
import type { Link } from './link.ts';
import type { Patience } from './operation-log.ts';
import { Relaying } from './relaying.ts';
import { isForReports, type OwnReports, ReportTaker } from './report-taker.ts';
import type { FindRoute, RouteDecision } from './route.ts';
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
  readonly refusal: () => 'limit_exceeded' | 'shutdown' | undefined;
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

/** PS3.8 table 9-21: result, source, reason. */
const reject = {
  /** rejected-permanent, service-user, called-AE-title-not-recognized */
  noRoute: { result: 1, source: 1, reason: 7 },
  /** rejected-transient, service-provider (presentation), temporary-congestion */
  destinationUnavailable: { result: 2, source: 3, reason: 1 },
  /** rejected-transient, service-provider (presentation), local-limit-exceeded */
  overload: { result: 2, source: 3, reason: 2 },
} as const;

/** PS3.8 table 9-21. */
const rejectedTransient = 2;

/** A-ABORT by the service-provider, reason not specified. */
const providerAbort: AbortReason = { source: 2, reason: 0 };

interface Upstream {
  readonly association: Association;
  readonly leg: Leg;
  readonly decision: RouteDecision;
}

export class AssociationPair {
  readonly #ports: PairPorts;
  readonly #server: Association;
  readonly #serverLeg: Leg;
  readonly #peerAddress: string;
  readonly #peerPort: number;
  readonly #lifetime: PairLifetime;
  /** Until it is answered. */
  #rq: AssociateRq | undefined;
  #isRequested = false;
  #upstream: Upstream | undefined;
  #rewritten = false;
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
    this.#peerAddress = transport.socket.remoteAddress ?? '';
    this.#peerPort = transport.socket.remotePort ?? 0;
    this.#serverLeg = new Leg(ports.publish, ports.clock.now);
    this.#server = new Association(
      {
        role: 'acceptor',
        transport,
        limits: ports.limits,
        timeouts: ports.timeouts,
        clock: ports.clock,
        peer: `${this.#peerAddress}:${this.#peerPort}`,
      },
      this.#serverUser(),
    );
  }

  /** Whether it is an association: its A-ASSOCIATE-RQ has come, and its end has not. Its transports may live a little longer. */
  get active(): boolean {
    return this.#isRequested && !this.#ended;
  }

  /** Answers the modality in the destination's place, or for ourselves; undefined: the destination answers. */
  get #performer(): Performer | undefined {
    return this.#takeOver?.performer ?? this.#reports?.performer;
  }

  /** The destination that takes part in it; undefined: none yet, or none any more. */
  get relayedTo(): string | undefined {
    return this.active && this.#performer === undefined ? this.#upstream?.decision.destination.id : undefined;
  }

  /** Ends both associations by A-ABORT: the process is going. */
  abort(): void {
    this.#end({ outcome: 'aborted', errorType: 'shutdown', ours: true, abort: { ...providerAbort, by: 'self' } }, 'shutdown');
    this.#server.abort(providerAbort);
    this.#upstream?.association.abort(providerAbort);
  }

  /** Closes what is left at once. */
  destroy(): void {
    this.#server.destroy();
    this.#upstream?.association.destroy();
  }

  #serverUser(): AssociationUser {
    return {
      data: this.#fromModality,
      associateIndication: (rq) => this.#requestedBy(rq),
      associateAccepted() {},
      associateRejected() {},
      releaseIndication: () => {
        const performer = this.#performer;
        if (performer === undefined) this.#releaseAsked(this.#server, this.#upstream?.association, this.#relaying?.toDestination);
        else this.#releasedFromPerformer(performer);
      },
      releaseConfirmation: () => this.#releaseAnswered(this.#server, this.#upstream?.association),
      abortIndication: (abort) => {
        this.#end({ outcome: 'aborted', errorType: 'aborted', abort: { ...abort, by: 'peer' } }, 'aborted');
        this.#performer?.end(new AssociationError('aborted', 'the modality aborted the association'));
        this.#upstream?.association.abort(abort);
      },
      providerAbort: (error) => this.#serverLost(error),
      drained: () => (this.#performer ?? this.#relaying?.toModality)?.drained(),
      closed: () => {
        this.#serverClosed = true;
        if (this.#upstream === undefined) this.#clientClosed = true;
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
        if (this.#upstream !== undefined) this.#releaseAsked(this.#upstream.association, this.#server, this.#relaying?.toModality);
      },
      releaseConfirmation: () => {
        if (this.#upstream !== undefined) this.#releaseAnswered(this.#upstream.association, this.#server);
      },
      abortIndication: (abort) => {
        this.#upstreamEnded({ outcome: 'aborted', errorType: 'aborted', abort: { ...abort, by: 'peer' } });
        if (this.#takenOver('aborted')) return;
        this.#end({ outcome: 'aborted', errorType: 'aborted', abort: { ...abort, by: 'self' } }, 'aborted');
        this.#server.abort(abort);
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
          sourceAddress: this.#peerAddress,
        });
    this.#tellServerOpened(rq, found?.route);
    const refusal = this.#ports.refusal();
    if (refusal !== undefined) this.#refuse(reject.overload, refusal, true);
    else if (isForUs) this.#take(rq, reports);
    else if (found === undefined) this.#refuse(reject.noRoute, 'no_route', false);
    else this.#route(rq, bytes, found);
  }

  #route(rq: AssociateRq, bytes: Uint8Array, decision: RouteDecision): void {
    const { takeOver: ports, limits, clock, publish } = this.#ports;
    if (ports !== undefined) {
      const options = { ports, decision, requestor: requestorOf(rq), limits, clock, publish };
      const here = { server: this.#server, serverAssociationId: this.#serverLeg.id, sourceAddress: this.#peerAddress };
      this.#takeOver = new TakeOver({ ...options, ...here, fromModality: this.#fromModality, dataSets: this.#ports.dataSets });
      if (this.#takeOver.atOnce && this.#standInFromStart(this.#takeOver, undefined)) return;
    }
    this.#open(rq, bytes, decision);
  }

  /** Its reports are for us. */
  #take(rq: AssociateRq, reports: OwnReports): void {
    const { limits, clock, publish } = this.#ports;
    const here = { server: this.#server, serverAssociationId: this.#serverLeg.id };
    this.#reports = new ReportTaker({ ...here, reports, rq, limits, clock, publish });
    const { ac, performer, contexts } = this.#reports;
    this.#rq = undefined;
    this.#fromModality.to = performer;
    this.#server.accept(encodePdu(ac));
    this.#serverLeg.accepted(contexts, userInformation(ac), this.#server.tls);
  }

  #tellServerOpened(rq: AssociateRq | undefined, route: Route | undefined): void {
    const asked = rq === undefined ? undefined : userInformation(rq);
    this.#serverLeg.opened({
      role: 'server',
      pairedWith: undefined,
      callingAeTitle: trimAeTitle(rq?.callingAeTitle ?? ''),
      calledAeTitle: trimAeTitle(rq?.calledAeTitle ?? ''),
      peerAddress: this.#peerAddress,
      peerPort: this.#peerPort,
      destinationId: route?.to,
      routeId: route?.id,
      proposedContexts: rq === undefined ? 0 : proposedContexts(rq),
      requestorMaxPduBytes: asked?.maxPduBytes ?? 0,
      requestorImplementationClassUid: asked?.implementationClassUid,
      requestorImplementationVersionName: asked?.implementationVersionName,
    });
  }

  #open(rq: AssociateRq, bytes: Uint8Array, decision: RouteDecision): void {
    const { destination, route } = decision;
    const { clock, limits, publish } = this.#ports;
    const titles = {
      ...(destination.aet === undefined ? {} : { calledAeTitle: destination.aet }),
      ...(route.rewriteCallingAet === undefined ? {} : { callingAeTitle: route.rewriteCallingAet }),
    };
    this.#rewritten = Object.keys(titles).length > 0;
    const association = new Association(
      {
        role: 'requestor',
        transport: this.#ports.connect(destination),
        limits,
        timeouts: this.#takeOver?.timeouts ?? destination.timeouts,
        clock,
        peer: `${destination.host}:${destination.port}`,
      },
      this.#clientUser(),
    );
    const leg = new Leg(publish, clock.now);
    this.#upstream = { association, leg, decision };
    const asked = userInformation(rq);
    leg.opened({
      role: 'client',
      pairedWith: this.#serverLeg.id,
      callingAeTitle: titles.callingAeTitle ?? trimAeTitle(rq.callingAeTitle),
      calledAeTitle: titles.calledAeTitle ?? trimAeTitle(rq.calledAeTitle),
      peerAddress: destination.host,
      peerPort: destination.port,
      destinationId: destination.id,
      routeId: route.id,
      proposedContexts: proposedContexts(rq),
      requestorMaxPduBytes: asked.maxPduBytes,
      requestorImplementationClassUid: asked.implementationClassUid,
      requestorImplementationVersionName: asked.implementationVersionName,
    });
    association.request(this.#rewritten ? encodeAssociateRqWithTitles(bytes, titles) : bytes);
  }

  #accepted(bytes: Uint8Array): void {
    const rq = this.#rq;
    const upstream = this.#upstream;
    if (rq === undefined || upstream === undefined) return;
    const { clock, limits, publish, dataSets } = this.#ports;
    const ac = decodePdu(bytes, { maxPresentationContexts: limits.maxPresentationContexts });
    if (ac.kind !== 'A-ASSOCIATE-AC') throw new WireError('pdu-malformed', 'an A-ASSOCIATE-AC was expected', 2);
    const { destination } = upstream.decision;
    const contexts = agreedContexts(ac);
    const relaying = new Relaying({
      ...{ server: this.#server, serverAssociationId: this.#serverLeg.id, requestor: requestorOf(rq) },
      ...{ client: upstream.association, clientAssociationId: upstream.leg.id, ac, contexts, destination },
      ...{ limits, clock, publish, dataSets, policy: this.#takeOver?.accompany(rq, ac, contexts) },
      withheld: () => {
        if (this.#takenOver('status_failure')) upstream.association.abort(providerAbort);
      },
      timedOut: (by) => this.#responseTimedOut(by),
    });
    this.#relaying = relaying;
    this.#fromModality.to = relaying.toDestination;
    this.#server.accept(
      this.#rewritten ? encodeAssociateRqWithTitles(bytes, { calledAeTitle: rq.calledAeTitle, callingAeTitle: rq.callingAeTitle }) : bytes,
    );
    this.#rq = undefined;
    const { acceptor } = relaying;
    this.#serverLeg.accepted(contexts.size, acceptor, this.#server.tls);
    upstream.leg.accepted(contexts.size, acceptor, upstream.association.tls);
  }

  #rejected(rj: Uint8Array): void {
    const triple = { result: rj[7] ?? 0, source: rj[8] ?? 0, reason: rj[9] ?? 0 };
    this.#upstreamEnded({ outcome: 'rejected', errorType: 'rejected', reject: triple });
    if (triple.result === rejectedTransient && this.#takenOver('rejected')) return;
    this.#end({ outcome: 'rejected', errorType: 'rejected', reject: triple }, 'rejected');
    this.#server.reject(rj);
  }

  #refuse(triple: { result: number; source: number; reason: number }, errorType: ErrorType, ours: boolean): void {
    this.#end({ outcome: 'rejected', errorType, ours, reject: triple }, errorType);
    this.#server.reject(rejectPdu(triple.result, triple.source, triple.reason));
  }

  // Taking over.

  /** Goes on without the destination, if that can be. False: the failure is to be reported. */
  #takenOver(errorType: ErrorType): boolean {
    const takeOver = this.#takeOver;
    const { upstream, serverState } = { upstream: this.#upstream, serverState: this.#server.state };
    if (takeOver?.performer !== undefined) return true;
    if (takeOver === undefined || upstream === undefined || this.#ended) return false;
    // Within an association it may have been this modality's doing, and says nothing of the next one; but not that it does not answer.
    if (serverState === 'Sta3' || errorType === 'dimse_timeout') this.#ports.takeOver?.fared(upstream.decision.destination.id, errorType);
    const failed = { errorType, clientAssociationId: upstream.leg.id };
    if (serverState === 'Sta3') return this.#standInFromStart(takeOver, failed);
    const isReleasing = serverState === 'Sta8';
    if (isReleasing && takeOver.possible && this.#relaying?.operations.isAnswerOwed !== true) {
      // The modality has asked for release, and waits for nothing else.
      this.#server.releaseResponse();
      this.#end({ outcome: 'released' }, 'connection_closed');
      return true;
    }
    const relaying = this.#relaying;
    if (relaying === undefined) return false;
    if (!succeeds(() => takeOver.fromHere(relaying, failed))) return false;
    relaying.stopWaiting();
    if (isReleasing && this.#performer !== undefined) this.#releaseWhenAnswered(this.#performer);
    return true;
  }

  #standInFromStart(takeOver: TakeOver, failed: Failed | undefined): boolean {
    const rq = this.#rq;
    if (rq === undefined) return false;
    const accepted = (ac: AssociateAc, contexts: number) => {
      this.#rq = undefined;
      this.#serverLeg.accepted(contexts, userInformation(ac), this.#server.tls);
    };
    return succeeds(() => takeOver.fromStart(rq, accepted, failed));
  }

  #releasedFromPerformer(performer: Performer): void {
    if (performer.midMessage) throw new WireError('message-malformed', 'the association was released inside a message', 2);
    this.#releaseWhenAnswered(performer);
  }

  /** A release alone would say nothing of what the modality has sent and heard nothing of. */
  #releaseWhenAnswered(performer: Performer): void {
    performer.whenAllAnswered(() => {
      this.#server.releaseResponse();
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
    this.#upstreamEnded({ outcome: 'released' });
    this.#end({ outcome: 'released' }, 'connection_closed');
    other?.releaseResponse();
    if (by.state === 'Sta12') by.releaseResponse();
  }

  #serverLost(error: AssociationError): void {
    if (!this.#isRequested) this.#tellServerOpened(undefined, undefined);
    const upstream = this.#upstream?.association;
    this.#end(endBy(error), error.errorType);
    this.#performer?.end(error);
    if (upstream === undefined) return;
    // A close without a release is what the destination would have seen; while it has not answered, there is nothing to close on.
    if (error.errorType === 'connection_closed' && upstream.state !== 'Sta4' && upstream.state !== 'Sta5') upstream.close();
    else upstream.abort(providerAbort);
  }

  #destinationLost(error: AssociationError): void {
    this.#upstreamEnded(endBy(error));
    if (error.errorType === 'idle_timeout' && this.#relaying?.isDestinationOwing !== true) {
      // Nobody waits for it: that the association is quiet is the modality's doing.
      this.#timedOut(error.errorType);
      return;
    }
    if (this.#takenOver(error.errorType)) return;
    if (this.#server.state === 'Sta3') {
      this.#refuse(reject.destinationUnavailable, error.errorType, true);
      return;
    }
    const abort = providerAbort;
    this.#end({ outcome: 'aborted', errorType: error.errorType, ours: true, abort: { ...abort, by: 'self' } }, error.errorType);
    this.#server.abort(abort);
  }

  /** Tells the end of the pair: the operations left open, the server's leg, and the client's unless its own end was told before. */
  #end(end: LegEnd, openOperations: ErrorType): void {
    this.#ended = true;
    this.#relaying?.stopWaiting();
    this.#relaying?.operations.end(openOperations, end.ours ?? false);
    const operations = (this.#relaying?.operations.count ?? 0) + (this.#takeOver?.operations ?? 0) + (this.#reports?.count ?? 0);
    this.#serverLeg.ended(end, operations, this.#server);
    this.#upstreamEnded(end.abort?.by === 'peer' ? { ...end, abort: { ...end.abort, by: 'self' } } : end);
    this.#lifetime.ended(this);
  }

  #upstreamEnded(end: LegEnd): void {
    if (this.#upstream === undefined) return;
    this.#upstream.leg.ended(end, this.#relaying?.operations.count ?? 0, this.#upstream.association);
  }

  #closedIfAll(): void {
    if (!this.#serverClosed || !this.#clientClosed) return;
    this.#relaying?.stopWaiting();
    this.#lifetime.closed(this);
  }

  #responseTimedOut(by: Patience['by']): void {
    if (by === 'destination' && this.#takenOver('dimse_timeout')) {
      this.#upstream?.association.abort(providerAbort);
      return;
    }
    this.#timedOut('dimse_timeout');
  }

  #timedOut(errorType: 'dimse_timeout' | 'idle_timeout'): void {
    this.#end({ outcome: 'timed_out', errorType, ours: true, abort: { ...providerAbort, by: 'self' } }, errorType);
    this.#upstream?.association.abort(providerAbort);
    this.#server.abort(providerAbort);
  }
}

/** A modality that nothing can be said to (its maximum length is too small for any answer) cannot be taken over: then the failure is told. */
function succeeds(takeOver: () => boolean): boolean {
  try {
    return takeOver();
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}
