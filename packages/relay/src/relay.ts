/** Listens for modalities and pairs each association with its destination. */
import { createServer, type Server, type Socket } from 'node:net';
import { acceptTransport, type ReadBufferPool, serverOptions } from '@radiotracer/upper-layer';
import { AssociationPair, type PairLifetime, type PairPorts } from './association-pair.ts';

export interface RelayListener {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface RelayOptions extends Omit<PairPorts, 'refusal'> {
  readonly listeners: readonly RelayListener[];
  readonly readBuffers: ReadBufferPool;
}

/** Sockets beyond this many times the association limit are closed unheard: each one costs memory until its ARTIM timer runs out. */
const socketsPerAssociation = 2;

export class Relay {
  readonly #options: RelayOptions;
  readonly #servers: Server[] = [];
  readonly #pairs = new Set<AssociationPair>();
  readonly #ports: PairPorts;
  #draining = false;
  readonly #lifetime: PairLifetime;
  readonly #waiting = new Set<() => void>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#ports = { ...options, refusal: () => this.#refusal() };
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
    let active = 0;
    for (const pair of this.#pairs) if (pair.active) active++;
    return active;
  }

  /** Associations that are being relayed to this destination now. */
  associationsTo(destinationId: string): number {
    let count = 0;
    for (const pair of this.#pairs) if (pair.relayedTo === destinationId) count++;
    return count;
  }

  /** Opens every listener; rejects with the system's error (EADDRINUSE, EACCES…) and leaves none open. */
  async listen(): Promise<readonly RelayListener[]> {
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

  #listenOn({ host, port }: RelayListener): Promise<Server> {
    const server = createServer(serverOptions, (socket) => this.#connected(socket));
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

  #connected(socket: Socket): void {
    const { maxAssociations } = this.#options.limits;
    if (this.#draining || (maxAssociations > 0 && this.#pairs.size >= maxAssociations * socketsPerAssociation)) {
      socket.destroy();
      return;
    }
    this.#pairs.add(new AssociationPair(acceptTransport(socket, this.#options.readBuffers), this.#ports, this.#lifetime));
  }

  #refusal(): 'limit_exceeded' | 'shutdown' | undefined {
    if (this.#draining) return 'shutdown';
    const { maxAssociations } = this.#options.limits;
    return maxAssociations > 0 && this.activeAssociations > maxAssociations ? 'limit_exceeded' : undefined;
  }

  async #closeServers(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }
}

/** How long a peer may take to close after our A-ABORT when the process is going. */
const abortGraceMs = 1000;
