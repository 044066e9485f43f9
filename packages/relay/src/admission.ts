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
    const { maxAssociations, maxAssociationsPerPeer } = this.#limits;
    const isRoom = (limit: number, connections: () => number) => limit === 0 || connections() < limit * connectionsPerAssociation;
    return (
      isRoom(maxAssociations, () => this.#crowd.connections()) && isRoom(maxAssociationsPerPeer, () => this.#crowd.connections(peerAddress))
    );
  }

  /** One that has asked for an association, and is counted. */
  mayAssociate(peerAddress: string): boolean {
    const { maxAssociations, maxAssociationsPerPeer } = this.#limits;
    const isRoom = (limit: number, associations: () => number) => limit === 0 || associations() <= limit;
    return (
      isRoom(maxAssociations, () => this.#crowd.associations()) &&
      isRoom(maxAssociationsPerPeer, () => this.#crowd.associations(peerAddress))
    );
  }
}
