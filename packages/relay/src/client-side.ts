import type { Destination, Limits, Timeouts } from '@radiotracer/config';
import type { Publish } from '@radiotracer/telemetry';
import { Association, type AssociationUser, type Clock, type Transport } from '@radiotracer/upper-layer';
import { type AssociateRq, encodeAssociateRqWithTitles, trimAeTitle } from '@radiotracer/wire';
import { askedBy } from './agreement.ts';
import { Leg } from './leg.ts';
import type { RouteDecision } from './route.ts';

export interface ClientSideOptions {
  readonly decision: RouteDecision;
  readonly connect: (destination: Destination) => Transport;
  readonly timeouts: Timeouts;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly publish: Publish;
}

/** The destination's side of a pair: the association that is opened for the modality's, and what is told of that. */
export class ClientSide {
  readonly association: Association;
  readonly leg: Leg;
  readonly decision: RouteDecision;
  /** Those that the configuration names. */
  readonly #titles: { readonly calledAeTitle?: string; readonly callingAeTitle?: string };

  constructor({ decision, connect, timeouts, limits, clock, publish }: ClientSideOptions, user: AssociationUser) {
    const { destination, route } = decision;
    this.decision = decision;
    this.#titles = {
      ...(destination.aet === undefined ? {} : { calledAeTitle: destination.aet }),
      ...(route.rewriteCallingAet === undefined ? {} : { callingAeTitle: route.rewriteCallingAet }),
    };
    const peer = `${destination.host}:${destination.port}`;
    this.association = new Association({ role: 'requestor', transport: connect(destination), limits, timeouts, clock, peer }, user);
    this.leg = new Leg(publish, clock.now);
  }

  /** Asks as the modality did. @param bytes the whole A-ASSOCIATE-RQ */
  request(rq: AssociateRq, bytes: Uint8Array, pairedWith: string): void {
    const { destination, route } = this.decision;
    this.leg.opened({
      role: 'client',
      pairedWith,
      callingAeTitle: this.#titles.callingAeTitle ?? trimAeTitle(rq.callingAeTitle),
      calledAeTitle: this.#titles.calledAeTitle ?? trimAeTitle(rq.calledAeTitle),
      peerAddress: destination.host,
      peerPort: destination.port,
      destinationId: destination.id,
      routeId: route.id,
      ...askedBy(rq),
    });
    this.association.request(this.#isRewritten ? encodeAssociateRqWithTitles(bytes, this.#titles) : bytes);
  }

  /** The destination's A-ASSOCIATE-AC as the modality is to have it: with the titles that it asked by. */
  answerTo({ calledAeTitle, callingAeTitle }: AssociateRq, ac: Uint8Array): Uint8Array {
    return this.#isRewritten ? encodeAssociateRqWithTitles(ac, { calledAeTitle, callingAeTitle }) : ac;
  }

  get #isRewritten(): boolean {
    return Object.keys(this.#titles).length > 0;
  }
}
