import type { TLSSocket } from 'node:tls';

/** What the two ends of a connection agreed on. */
export interface TlsFacts {
  /** `1.3`, as OpenTelemetry's `tls.protocol.version` has it. */
  readonly protocolVersion: string;
  /** Its name in IANA's registry: `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
}

/** Undefined: there is no session, any more or yet. */
export function tlsFacts(socket: TLSSocket): TlsFacts | undefined {
  const protocol = socket.destroyed ? null : socket.getProtocol();
  if (protocol === null) return undefined;
  return { protocolVersion: protocol.replace(/^TLSv/, ''), cipher: socket.getCipher().standardName };
}
