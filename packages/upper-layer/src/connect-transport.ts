import type { ReadBufferPool } from './read-buffer.ts';
import { connectTls, type TlsClient } from './tls-transport.ts';
import { connectPlain, type Transport } from './transport.ts';

/** Begins to connect: the one way to a peer that we call. `tls`: undefined is plain TCP. */
export function connectTransport(host: string, port: number, pool: ReadBufferPool, tls?: TlsClient): Transport {
  return tls === undefined ? connectPlain(host, port, pool) : connectTls(host, port, tls);
}
