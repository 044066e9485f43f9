/** Listens for modalities and pairs each association with its destination. */
import { createServer, type Server, type Socket } from 'node:net';
import {
  acceptTransport,
  type Ends,
  type FailedHandshake,
  longestCloseMs,
  type ReadBufferPool,
  serverOptions,
  TlsAcceptor,
  type TlsAcceptorOptions,
  type Transport,
} from '@radiotracer/upper-layer';
import { Admission } from './admission.ts';
import { AssociationPair, type PairLifetime, type PairPorts } from './association-pair.ts';
import { endBy, Leg, type LegEnd } from './leg.ts';

export interface RelayListener {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Undefined: plain TCP. */
  readonly tls?: Omit<TlsAcceptorOptions, 'handshakeMs'> | undefined;
}

export interface RelayOptions extends Omit<PairPorts, 'refusal'> {
  readonly listeners: readonly RelayListener[];
  readonly readBuffers: ReadBufferPool;
  /** Whether this process is at the other end as well: it has been led to itself. Left out: it never is. */
  readonly isSelf?: (accepted: Ends) => boolean;
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #servers: Server[] = [];
  readonly #tlsAcceptors: TlsAcceptor[] = [];
  readonly #pairs = new Set<AssociationPair>();
  readonly #ports: PairPorts;
  readonly #admission: Admission;
  #draining = false;
  readonly #lifetime: PairLifetime;
  readonly #waiting = new Set<() => void>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#ports = { ...options, refusal: (accepted) => this.#refusal(accepted) };
    this.#admission = new Admission(options.limits, {
      connections: (peerAddress) => this.#connections(peerAddress),
      associations: (peerAddress) => this.#associations(peerAddress),
    });
    const changed = () => {
      for (const check of this.#waiting) check();
    };
    this.#lifetime = {
      ended: changed,
      closed: (pair) => {
        this.#pairs.delete(pair);
        changed();
      },
    };
  }

  /** Associations with modalities now. */
  get activeAssociations(): number {
    return this.#associations();
  }

  /** Associations that are being relayed to this destination now. */
  associationsTo(destinationId: string): number {
    let count = 0;
    for (const pair of this.#pairs) if (pair.relayedTo === destinationId) count++;
    return count;
  }

  /** Opens every listener; rejects with the system's error (EADDRINUSE, EACCES…) and leaves none open. */
  async listen(): Promise<readonly Omit<RelayListener, 'tls'>[]> {
    try {
      for (const listener of this.#options.listeners) this.#servers.push(await this.#listenOn(listener));
    } catch (error) {
      await this.#closeServers();
      throw error;
    }
    return this.#servers.map((server) => {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('a TCP server has an address and a port');
      return { host: address.address, port: address.port };
    });
  }

  /** Accepts no more, and waits until the last pair is closed or `limitMs` is over (0: not at all); then aborts what is left. */
  async drain(limitMs: number): Promise<void> {
    this.#draining = true;
    const serversClosed = this.#closeServers();
    if (limitMs > 0) await this.#until(() => this.activeAssociations === 0, limitMs);
    await this.abort();
    await serversClosed;
  }

  /** Aborts every pair and waits a moment for the aborts to be read. */
  async abort(): Promise<void> {
    this.#draining = true;
    this.#destroyHandshakes();
    for (const pair of this.#pairs) pair.abort();
    await this.#until(() => this.#pairs.size === 0, abortGraceMs);
    for (const pair of this.#pairs) pair.destroy();
    await this.#closeServers();
  }

  async #until(condition: () => boolean, limitMs: number): Promise<void> {
    if (condition()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = () => {
      if (condition()) resolve();
    };
    this.#waiting.add(check);
    const timer = this.#options.clock.setTimer(resolve, limitMs);
    await promise;
    timer.cancel();
    this.#waiting.delete(check);
  }

  #listenOn({ host, port, tls }: RelayListener): Promise<Server> {
    const server = tls === undefined ? createServer(serverOptions, (socket) => this.#connected(socket)) : this.#tlsServer(tls);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog: 511 }, () => {
        server.off('error', reject);
        // Running out of file descriptors is told per connection; the listener stays.
        server.on('error', () => {});
        resolve(server);
      });
    });
  }

  #tlsServer(tls: Omit<TlsAcceptorOptions, 'handshakeMs'>): Server {
    const { artimMs } = this.#options.timeouts;
    const acceptor = new TlsAcceptor(
      { ...tls, handshakeMs: artimMs || longestCloseMs },
      {
        mayEnter: (socket) => this.#mayEnter(socket),
        accepted: (transport) => (this.#draining ? transport.socket.destroy() : this.#pair(transport)),
        failed: (failure) => this.#handshakeFailed(failure),
      },
    );
    this.#tlsAcceptors.push(acceptor);
    return acceptor.server;
  }

  #mayEnter(socket: Socket): boolean {
    if (this.#draining) return false;
    if (this.#admission.mayConnect(socket.remoteAddress ?? '')) return true;
    this.#unheard(socket, { outcome: 'closed', errorType: 'limit_exceeded', ours: true }, { bytesReceived: 0, bytesSent: 0 });
    return false;
  }

  #connections(peerAddress?: string): number {
    const handshakes = this.#tlsAcceptors.reduce((sum, acceptor) => sum + acceptor.handshakes(peerAddress), 0);
    if (peerAddress === undefined) return handshakes + this.#pairs.size;
    let connections = handshakes;
    for (const pair of this.#pairs) if (pair.peerAddress === peerAddress) connections++;
    return connections;
  }

  #associations(peerAddress?: string): number {
    let active = 0;
    for (const pair of this.#pairs) if (pair.active && (peerAddress === undefined || pair.peerAddress === peerAddress)) active++;
    return active;
  }

  #connected(socket: Socket): void {
    if (this.#mayEnter(socket)) this.#pair(acceptTransport(socket, this.#options.readBuffers));
    else socket.destroy();
  }

  #pair(transport: Transport): void {
    this.#pairs.add(new AssociationPair(transport, this.#ports, this.#lifetime));
  }

  #handshakeFailed({ error, peerAddress, peerPort, ...bytes }: FailedHandshake): void {
    this.#unheard({ remoteAddress: peerAddress, remotePort: peerPort }, endBy(error), bytes);
  }

  /** Told as an association that came to nothing: as one is whose A-ASSOCIATE-RQ does not come. */
  #unheard(
    { remoteAddress = '', remotePort = 0 }: Pick<Socket, 'remoteAddress' | 'remotePort'>,
    end: LegEnd,
    bytes: Pick<FailedHandshake, 'bytesReceived' | 'bytesSent'>,
  ): void {
    const leg = new Leg(this.#options.publish, this.#options.clock.now);
    leg.opened({ ...nothingAsked, peerAddress: remoteAddress, peerPort: remotePort });
    leg.ended(end, 0, bytes);
  }

  #destroyHandshakes(): void {
    for (const acceptor of this.#tlsAcceptors) acceptor.destroyHandshakes();
  }

  #refusal(accepted: Ends): ReturnType<PairPorts['refusal']> {
    if (this.#draining) return 'shutdown';
    if (this.#options.isSelf?.(accepted) === true) return 'loop';
    return this.#admission.mayAssociate(accepted.remoteAddress ?? '') ? undefined : 'limit_exceeded';
  }

  async #closeServers(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }
}

/** Of a peer that has not asked for an association. */
const nothingAsked = {
  role: 'server',
  pairedWith: undefined,
  callingAeTitle: '',
  calledAeTitle: '',
  destinationId: undefined,
  routeId: undefined,
  proposedContexts: 0,
  requestorMaxPduBytes: 0,
  requestorImplementationClassUid: undefined,
  requestorImplementationVersionName: undefined,
} as const;

/** How long a peer may take to close after our A-ABORT when the process is going. */
const abortGraceMs = 1000;
