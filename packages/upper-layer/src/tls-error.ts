/** What goes wrong in TLS, in a closed list, by the codes of Node and OpenSSL. */

export type TlsErrorType =
  /** The peer's. */
  | 'tls_certificate_expired'
  /** The peer's is not valid for another reason: not yet, revoked, of another purpose. */
  | 'tls_certificate_invalid'
  /** The peer has shown none. */
  | 'tls_certificate_missing'
  /** The peer does not take ours, or that we have shown none. */
  | 'tls_certificate_refused'
  | 'tls_unknown_authority'
  | 'tls_wrong_name'
  /** What the peer says is no TLS. */
  | 'tls_plain_peer'
  /** The peer speaks TLS where none is configured. */
  | 'tls_unexpected'
  | 'tls_handshake_timeout'
  /** Anything else: no version or cipher in common, a record that is damaged, a peer that hangs up in the handshake. */
  | 'tls_failure';

const types: Readonly<Record<string, TlsErrorType>> = {
  CERT_HAS_EXPIRED: 'tls_certificate_expired',
  // Verification, X509_verify_cert_error_string(3).
  CERT_NOT_YET_VALID: 'tls_certificate_invalid',
  CERT_REVOKED: 'tls_certificate_invalid',
  CERT_REJECTED: 'tls_certificate_invalid',
  CERT_UNTRUSTED: 'tls_certificate_invalid',
  CERT_SIGNATURE_FAILURE: 'tls_certificate_invalid',
  CERT_CHAIN_TOO_LONG: 'tls_certificate_invalid',
  INVALID_CA: 'tls_certificate_invalid',
  INVALID_PURPOSE: 'tls_certificate_invalid',
  PATH_LENGTH_EXCEEDED: 'tls_certificate_invalid',
  // What Node has no name for: a key or a signature that is too weak, a name that its authority may not certify.
  UNSPECIFIED: 'tls_certificate_invalid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_unknown_authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls_unknown_authority',
  UNABLE_TO_GET_ISSUER_CERT: 'tls_unknown_authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls_unknown_authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls_unknown_authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls_wrong_name',
  HOSTNAME_MISMATCH: 'tls_wrong_name',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'tls_handshake_timeout',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'tls_certificate_missing',
  // The first record of the peer is none.
  ERR_SSL_WRONG_VERSION_NUMBER: 'tls_plain_peer',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'tls_plain_peer',
  ERR_SSL_HTTP_REQUEST: 'tls_plain_peer',
  ERR_SSL_HTTPS_PROXY_REQUEST: 'tls_plain_peer',
};

/** Alerts about what we have shown, RFC 8446 6.2. */
const refusedAlert = /_ALERT_(?:UNKNOWN_CA|ACCESS_DENIED|\w*CERTIFICATE\w*)$/;

/** Undefined: not an error of TLS. */
export function tlsErrorType(code: string | undefined): TlsErrorType | undefined {
  if (code === undefined) return undefined;
  const type = types[code];
  if (type !== undefined) return type;
  if (refusedAlert.test(code)) return 'tls_certificate_refused';
  return /^ERR_(?:SSL|TLS|OSSL)_/.test(code) ? 'tls_failure' : undefined;
}

/** Of what a certificate says, which may be long. */
const longestReason = 200;

/** Behind the sentence: the code, and what stands in the certificate where only that helps. */
export function tlsDetail(error: NodeJS.ErrnoException & { readonly reason?: unknown }): string {
  const { code, message, reason } = error;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' && typeof reason === 'string') return `${code}: ${reason.slice(0, longestReason)}`;
  return code === undefined || code === 'UNSPECIFIED' ? message : code;
}

export const tlsSentence: Readonly<Record<TlsErrorType, string>> = {
  tls_certificate_expired: 'the peer’s certificate has expired',
  tls_certificate_invalid: 'the peer’s certificate is not valid',
  tls_certificate_missing: 'the peer shows no certificate, and one is required',
  tls_certificate_refused: 'the peer does not take our certificate, or requires one of us',
  tls_unknown_authority: 'the peer’s certificate is signed by nobody that is trusted here',
  tls_wrong_name: 'the peer’s certificate is for another name',
  tls_plain_peer: 'the peer speaks no TLS',
  tls_unexpected: 'the peer speaks TLS, which is not configured for it here',
  tls_handshake_timeout: 'the TLS handshake did not end in time',
  tls_failure: 'TLS failed',
};
