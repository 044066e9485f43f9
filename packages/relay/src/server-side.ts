import type { Limits, Route, Timeouts } from '@radiotracer/config';
import type { Publish } from '@radiotracer/telemetry';
import { Association, type AssociationUser, type Clock, type Ends, type Transport } from '@radiotracer/upper-layer';
import { type AssociateRq, trimAeTitle } from '@radiotracer/wire';
import { askedBy, nothingAsked } from './agreement.ts';
import { Leg } from './leg.ts';

export interface ServerSideOptions {
  readonly limits: Limits;
  /** No destination is known yet. */
  readonly timeouts: Timeouts;
  readonly clock: Clock;
  readonly publish: Publish;
}

/** The modality's side of a pair: the association that it opened, and what is told of that. */
export class ServerSide {
  readonly association: Association;
  readonly leg: Leg;
  readonly peerAddress: string;
  readonly ends: Ends;
  readonly #peerPort: number;

  constructor(transport: Transport, { limits, timeouts, clock, publish }: ServerSideOptions, user: AssociationUser) {
    this.peerAddress = transport.socket.remoteAddress ?? '';
    this.#peerPort = transport.socket.remotePort ?? 0;
    this.ends = transport.socket;
    this.leg = new Leg(publish, clock.now);
    const peer = `${this.peerAddress}:${this.#peerPort}`;
    this.association = new Association({ role: 'acceptor', transport, limits, timeouts, clock, peer }, user);
  }

  /** @param rq undefined: none came @param route undefined: none was found, or looked for */
  opened(rq: AssociateRq | undefined, route: Route | undefined): void {
    this.leg.opened({
      role: 'server',
      pairedWith: undefined,
      callingAeTitle: trimAeTitle(rq?.callingAeTitle ?? ''),
      calledAeTitle: trimAeTitle(rq?.calledAeTitle ?? ''),
      peerAddress: this.peerAddress,
      peerPort: this.#peerPort,
      destinationId: route?.to,
      routeId: route?.id,
      ...(rq === undefined ? nothingAsked : askedBy(rq)),
    });
  }
}
