/** Why an export failed, and what to do: in fixed words, for what the SDK and a receiver say may quote what was to be sent. */
const advice = {
  connection_refused: 'nobody listens there: start the collector, or correct the address',
  name_not_found: 'the host name is not known: correct it, or look after DNS',
  unreachable: 'there is no way to the host: look after network, routes and firewalls',
  connection_closed: 'the connection is closed without an answer: is it https, or no HTTP at all, that is spoken there?',
  timeout: 'no answer in time: the host is away, a firewall swallows what is sent, or the collector is overloaded',
  not_http: 'what answers there speaks no HTTP/1.1: OTLP over gRPC has a port of its own (4317), and over HTTP another (4318)',
  not_tls: 'what answers there speaks no TLS: write http:// in the address, or turn TLS on at the collector',
  certificate:
    'its certificate is signed by nobody known, has expired or is for another name: OTEL_EXPORTER_OTLP_CERTIFICATE names who signs it',
  client_certificate:
    'it does not take our certificate, or wants one: OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY',
  tls: 'TLS failed: look at what versions and certificates the collector takes',
  header: 'a header cannot be sent: OTEL_EXPORTER_OTLP_HEADERS is name=value,name=value, percent-encoded',
  redirected: 'it answers with another address, and is not followed: write that one',
  unauthorized: 'it wants credentials, or refuses these: OTEL_EXPORTER_OTLP_HEADERS',
  not_found: 'it takes no telemetry at this path: correct the address (/v1/traces and /v1/metrics are put behind a base address)',
  too_large: 'what was sent is too large for it: raise its limit, or lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
  no_json: 'it takes no OTLP in JSON, and nothing else is spoken: put an OpenTelemetry collector between',
  refused: 'it refuses what was sent: its log says why',
  unavailable: 'it is overloaded or starting, or what stands before it does not reach it (429, 502, 503, 504): its log says why',
  server_error: 'it failed: its log says why',
  endless_answer: 'its answer has no end: no collector answers so; correct the address',
  other: 'its log may say why',
} as const;

export interface ExportFailure {
  /** Of a closed list. */
  readonly type: keyof typeof advice;
  /** Undefined: there was no answer, or the SDK does not say. */
  readonly httpStatus: number | undefined;
}

/** What happened and what to do. */
export function adviceFor({ type }: ExportFailure): string {
  return advice[type];
}

/** @param error as OpenTelemetry's OTLP exporter tells it */
export function exportFailure(error: (Error & { readonly code?: unknown }) | undefined): ExportFailure {
  if (typeof error?.code === 'number') return { type: typeOfStatus(error.code), httpStatus: error.code };
  return { type: error === undefined ? 'other' : typeOfError(error, String(error.code)), httpStatus: undefined };
}

function typeOfStatus(status: number): ExportFailure['type'] {
  if (status < 400) return 'redirected';
  if (status === 401 || status === 403 || status === 407) return 'unauthorized';
  if (status === 404 || status === 405) return 'not_found';
  if (status === 413) return 'too_large';
  if (status === 415) return 'no_json';
  return status < 500 ? 'refused' : 'server_error';
}

const typesByCode: Readonly<Record<string, ExportFailure['type']>> = {
  ECONNREFUSED: 'connection_refused',
  ENOTFOUND: 'name_not_found',
  EAI_AGAIN: 'name_not_found',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ECONNRESET: 'connection_closed',
  EPIPE: 'connection_closed',
  ETIMEDOUT: 'timeout',
  ERR_INVALID_CHAR: 'header',
  ERR_INVALID_HTTP_TOKEN: 'header',
};

function typeOfError({ name, message }: Error, code: string): ExportFailure['type'] {
  const known = typesByCode[code];
  if (known !== undefined) return known;
  if (code.startsWith('HPE_')) return 'not_http';
  // OpenSSL's, which Node tells as EPROTO or by a code of its own.
  if (/wrong version number|packet length too long/.test(message)) return 'not_tls';
  if (/^ERR_OSSL_/.test(code) || /_ALERT_(?:UNKNOWN_CA|ACCESS_DENIED|\w*CERTIFICATE)/.test(code)) return 'client_certificate';
  if (/^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_|HOSTNAME_|PATH_LENGTH_)|^ERR_TLS_CERT_/.test(code)) return 'certificate';
  if (code === 'EPROTO' || /^ERR_(?:SSL|TLS)_/.test(code)) return 'tls';
  // The SDK's own have no code. At the limit are those that still wait for an answer.
  if (message === 'Request timed out' || message === 'Concurrent export limit reached') return 'timeout';
  if (message.startsWith('OTLP export response body exceeded')) return 'endless_answer';
  return name === 'OTLPExporterError' ? 'unavailable' : 'other';
}
