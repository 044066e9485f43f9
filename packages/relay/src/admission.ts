import type { Limits } from '@radiotracer/config';

/** Those who are here now; of one peer, or of all. */
export interface Crowd {
  /** Whether or not there is an association on them. */
  connections(peerAddress?: string): number;
  associations(peerAddress?: string): number;
}

/** Connections beyond this many times the association limit are closed unheard: each one costs memory until its ARTIM timer runs out. */
const connectionsPerAssociation = 2;

/** Who may come in: so many at once, and not all of them from one peer, so that one that opens without end leaves room for others. */
export class Admission {
  readonly #limits: Pick<Limits, 'maxAssociations' | 'maxAssociationsPerPeer'>;
  readonly #crowd: Crowd;

  constructor(limits: Pick<Limits, 'maxAssociations' | 'maxAssociationsPerPeer'>, crowd: Crowd) {
    this.#limits = limits;
    this.#crowd = crowd;
  }

  /** One more, which is not counted yet. */
  mayConnect(peerAddress: string): boolean {
    return this.#isRoom(peerAddress, (limit, peer) => this.#crowd.connections(peer) < limit * connectionsPerAssociation);
  }

  /** One that has asked for an association, and is counted. */
  mayAssociate(peerAddress: string): boolean {
    return this.#isRoom(peerAddress, (limit, peer) => this.#crowd.associations(peer) <= limit);
  }

  /** @param isWithin `peer` undefined: of all */
  #isRoom(peerAddress: string, isWithin: (limit: number, peer?: string) => boolean): boolean {
    const { maxAssociations, maxAssociationsPerPeer } = this.#limits;
    return (
      (maxAssociations === 0 || isWithin(maxAssociations)) &&
      (maxAssociationsPerPeer === 0 || isWithin(maxAssociationsPerPeer, peerAddress))
    );
  }
}
