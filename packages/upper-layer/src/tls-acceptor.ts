/** Takes connections, with TLS on them: a handshake that fails, or that does not end in time, is told and closed. */
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { type AssociationError, fromHandshakeError } from './association-error.ts';
import { secureContextOptions, type TlsMaterial } from './tls-context.ts';
import { tlsErrorType } from './tls-error.ts';
import { tlsTransport } from './tls-transport.ts';
import { serverOptions, type Transport } from './transport.ts';

/** Something that is replaced now and then. */
export interface Renewable<T> {
  readonly current: T;
  onRenewed(call: (renewed: T) => void): void;
}

export interface TlsAcceptorOptions {
  readonly material: Renewable<TlsMaterial>;
  /** none: not asked for. request: who has one is to have a valid one. require: who has none is refused. */
  readonly clientCertificate: 'none' | 'request' | 'require';
  /** From the connection to the end of the handshake. */
  readonly handshakeMs: number;
}

/** A handshake that came to nothing. */
export interface FailedHandshake {
  readonly error: AssociationError;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

export interface TlsAcceptorUser {
  /** Whether one more is listened to at all. */
  readonly mayEnter: (socket: Socket) => boolean;
  readonly accepted: (transport: Transport) => void;
  readonly failed: (failure: FailedHandshake) => void;
}

export class TlsAcceptor {
  readonly server: Server;
  readonly #options: TlsAcceptorOptions;
  readonly #user: TlsAcceptorUser;
  /** Connections whose handshake is under way, and who is at their other end. */
  readonly #handshakes = new Map<Socket, { readonly address: string; readonly port: number }>();

  constructor(options: TlsAcceptorOptions, user: TlsAcceptorUser) {
    this.#options = options;
    this.#user = user;
    const { material, clientCertificate, handshakeMs } = options;
    this.server = createServer({
      ...secureContextOptions(material.current),
      ...serverOptions,
      handshakeTimeout: handshakeMs,
      requestCert: clientCertificate !== 'none',
      rejectUnauthorized: clientCertificate === 'require',
    });
    this.server.on('connection', (socket) => this.#connected(socket));
    this.server.on('secureConnection', (socket) => this.#secured(socket));
    this.server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => this.#failed(error, socket));
    // Connections that are there keep what they have.
    material.onRenewed((renewed) => {
      this.server.setSecureContext(secureContextOptions(renewed));
      trustWhoIsNamed(this.server);
    });
    trustWhoIsNamed(this.server);
  }

  /** Handshakes under way; with one peer, or with all. */
  handshakes(peerAddress?: string): number {
    if (peerAddress === undefined) return this.#handshakes.size;
    let count = 0;
    for (const { address } of this.#handshakes.values()) if (address === peerAddress) count++;
    return count;
  }

  /** Ends the handshakes that are under way; nothing is told of them. */
  destroyHandshakes(): void {
    const sockets = [...this.#handshakes.keys()];
    this.#handshakes.clear();
    for (const socket of sockets) socket.destroy();
  }

  #connected(socket: Socket): void {
    if (!this.#user.mayEnter(socket)) {
      socket.destroy();
      return;
    }
    this.#handshakes.set(socket, { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 });
    // Told of already, or left before it said a word: what looks whether a port is open does so.
    socket.once('close', () => setImmediate(() => this.#handshakes.delete(socket)));
  }

  #secured(socket: TLSSocket): void {
    const problem = this.#options.clientCertificate === 'request' && socket.getPeerX509Certificate() !== undefined;
    const code = problem ? (socket.authorizationError as unknown as string | null) : null;
    if (code !== null) {
      this.#failed(Object.assign(new Error('the certificate is not valid'), { code }), socket);
      return;
    }
    this.#handshakes.delete(rawSocketOf(socket));
    this.#user.accepted(tlsTransport(socket));
  }

  /** Node leaves it open after a time-out. */
  #failed(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    socket.on('error', () => {}).destroy();
    const raw = rawSocketOf(socket);
    const from = this.#handshakes.get(raw);
    this.#handshakes.delete(raw);
    if (from === undefined || (raw.bytesRead === 0 && tlsErrorType(error.code) === undefined)) return;
    const peer = `${from.address}:${from.port}`;
    // Why a certificate was refused stands on the socket; what the event tells is that the socket closed.
    const code = (socket.authorizationError as unknown as string | null) ?? error.code;
    this.#user.failed({
      error: fromHandshakeError(code === error.code ? error : Object.assign(new Error(code), { code }), peer),
      ...{ peerAddress: from.address, peerPort: from.port, bytesReceived: raw.bytesRead, bytesSent: raw.bytesWritten },
    });
  }
}

/** What Node makes of the options of a server. */
interface ServerCredentials {
  readonly _sharedCreds?: { readonly context?: { readonly setAllowPartialTrustChain?: () => void } };
}

/**
 * `allowPartialTrustChain`, which Node does not hand on from the options of a server. Not documented; where a future Node has it no more, of modalities
 * only root authorities and certificates that are signed by themselves are trusted, as Node does it.
 */
function trustWhoIsNamed(server: Server): void {
  (server as ServerCredentials)._sharedCreds?.context?.setAllowPartialTrustChain?.();
}

/** The connection under TLS. Not documented; where a future Node has it no more, failed handshakes are closed and not told. */
function rawSocketOf(socket: TLSSocket): Socket {
  return (socket as TLSSocket & { readonly _parent?: Socket })._parent ?? socket;
}
