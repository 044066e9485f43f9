/** Why something failed; closed, so that it can label a metric. */
export type ErrorType =
  | 'connection_refused'
  | 'connection_reset'
  | 'connection_closed'
  | 'connect_timeout'
  | 'host_unreachable'
  | 'name_not_resolved'
  | 'artim_timeout'
  | 'associate_timeout'
  | 'dimse_timeout'
  | 'idle_timeout'
  | 'release_timeout'
  | 'tls_certificate_expired'
  | 'tls_certificate_invalid'
  | 'tls_certificate_missing'
  | 'tls_certificate_refused'
  | 'tls_unknown_authority'
  | 'tls_wrong_name'
  | 'tls_plain_peer'
  /** The peer speaks TLS where none is configured. */
  | 'tls_unexpected'
  | 'tls_handshake_timeout'
  | 'tls_failure'
  | 'protocol_error'
  | 'limit_exceeded'
  | 'no_route'
  /** The association is one that this proxy has opened itself: its destination leads back to it. */
  | 'loop'
  | 'rejected'
  | 'aborted'
  /** Accepted without a single presentation context; of a delivery: the destination takes no such SOP class or transfer syntax. */
  | 'presentation_context_refused'
  | 'status_failure'
  /** The spool could not keep the instance, or was full; of a delivery: could not read, move or remove it. */
  | 'spool_failure'
  /** The destination is known to be down, and was not asked. */
  | 'circuit_open'
  | 'shutdown'
  | 'internal';
