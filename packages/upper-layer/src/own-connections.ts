import type { Socket } from 'node:net';
import type { Transport } from './transport.ts';

/** Both ends of a connection, as a socket tells them. */
export type Ends = Pick<Socket, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>;

/**
 * The connections that this process has opened: so it knows one that it accepts for its own, whatever name led there. By both ends: one port of this
 * machine may call two others, and another process call us from the same.
 */
export class OwnConnections {
  readonly #open = new Set<string>();

  /** From when it is open until it is closed. */
  add(transport: Transport): Transport {
    const { socket } = transport;
    transport.whenOpen(() => {
      const { localAddress, localPort, remoteAddress, remotePort } = socket;
      const ends = `${placeText(localAddress, localPort)} ${placeText(remoteAddress, remotePort)}`;
      this.#open.add(ends);
      socket.once('close', () => this.#open.delete(ends));
    });
    return transport;
  }

  /** Of a connection that was accepted. */
  has({ localAddress, localPort, remoteAddress, remotePort }: Ends): boolean {
    return this.#open.has(`${placeText(remoteAddress, remotePort)} ${placeText(localAddress, localPort)}`);
  }
}

/** A listener on `::` sees IPv4 as IPv6 (RFC 4291 2.5.5.2). */
function placeText(address = '', port = 0): string {
  return `${address.replace(/^::ffff:(?=\d+\.)/, '')} ${port}`;
}
