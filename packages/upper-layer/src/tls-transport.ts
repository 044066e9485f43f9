/** Connections with TLS on them. Their reads are plain: OpenSSL tells what it has decrypted in pieces of 16 KiB, in memory of their own. */
import { isIP } from 'node:net';
import { checkServerIdentity, connect, type SecureContext, type TLSSocket } from 'node:tls';
import { tlsFacts } from './tls-facts.ts';
import { keepAliveDelayMs, plainTransport, type Transport } from './transport.ts';

/** How we speak TLS to a peer that we call. */
export interface TlsClient {
  readonly context: SecureContext;
  /** full: signed by whom we trust, and for this name; authority: for whatever name; none: anything. */
  readonly verify: 'full' | 'authority' | 'none';
  /** The name that it is to be for; undefined: the host's. */
  readonly serverName: string | undefined;
  /** Told until when (Unix time, ms) the certificate is valid that the peer has shown, and that was taken. */
  readonly seen?: (expiresAt: number) => void;
}

/** Begins to connect; it is open when the peer's certificate has been looked at. */
export function connectTls(host: string, port: number, { context, verify, serverName = host, seen }: TlsClient): Transport {
  const socket = connect({
    ...{ host, port, secureContext: context, rejectUnauthorized: verify !== 'none' },
    // RFC 6066 3: an address is no name to ask for.
    servername: isIP(serverName) === 0 ? serverName : '',
    checkServerIdentity: (_host, certificate) => (verify === 'full' ? checkServerIdentity(serverName, certificate) : undefined),
  });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveDelayMs);
  let isOpen = false;
  const waiting: (() => void)[] = [];
  socket.once('secureConnect', () => {
    isOpen = true;
    const certificate = seen === undefined ? undefined : socket.getPeerX509Certificate();
    if (certificate !== undefined) seen?.(certificate.validToDate.getTime());
    for (const call of waiting.splice(0)) call();
  });
  return {
    ...plainTransport(socket),
    whenOpen: (call) => {
      if (isOpen) call();
      else waiting.push(call);
    },
    tls: () => tlsFacts(socket),
  };
}

/** A connection whose handshake is over. */
export function tlsTransport(socket: TLSSocket): Transport {
  return { ...plainTransport(socket), tls: () => tlsFacts(socket) };
}
