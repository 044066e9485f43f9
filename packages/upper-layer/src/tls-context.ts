import type { SecureContextOptions, SecureVersion } from 'node:tls';

/** What one end of TLS has: read from files, in PEM. */
export interface TlsMaterial {
  /** The certificate, and those that signed it up to the authority; undefined: none is shown. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Whom we trust; undefined: the authorities that Node.js knows. */
  readonly ca: string | undefined;
  readonly minVersion: SecureVersion & ('TLSv1.2' | 'TLSv1.3');
}

/**
 * What the BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile (PS3.15 B.12) asks for: TLS 1.3, and of TLS 1.2 only what has
 * forward secrecy and authenticated encryption. Nothing is negotiated below that: the older profiles (PS3.15 B.1, B.3) are retired.
 */
const ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

/** For Node; its defaults are wider. */
export function secureContextOptions({ cert, key, ca, minVersion }: TlsMaterial): SecureContextOptions {
  return {
    ...{ ciphers, minVersion },
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    // Whoever stands there is trusted, also one that others have signed: a peer's own certificate is enough. Node's servers pass it over: see tls-acceptor.ts.
    ...(ca === undefined ? {} : { ca, allowPartialTrustChain: true }),
  };
}
