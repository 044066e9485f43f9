import { isIPv4 } from 'node:net';
import { isSdkDisabled, text } from './environment.ts';

/** What is exported. */
export type Signal = (typeof signals)[number];

const signals = ['traces', 'metrics'] as const;

/** Where spans or metrics go, and how. */
export interface OtlpEndpoint {
  readonly url: string;
  /** The variable or the key that says so. */
  readonly from: string;
  readonly compression: 'gzip' | 'none';
}

/** Configuration or an `OTEL_*` variable names no usable URL; `code` is `otlp-endpoint-unusable`. Nothing was started. */
class OtlpEndpointError extends Error {
  override readonly name = 'OtlpEndpointError';
  readonly code = 'otlp-endpoint-unusable';
}

/**
 * The OTLP/HTTP endpoint for a signal: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT as it stands, OTEL_EXPORTER_OTLP_ENDPOINT or the
 * configuration with `/v1/traces` behind it; undefined: nothing is exported (also with OTEL_TRACES_EXPORTER=none). gzip for anything
 * but loopback, where it only costs, unless OTEL_EXPORTER_OTLP_COMPRESSION says otherwise. For metrics likewise.
 */
export function otlpEndpoint(signal: Signal, configured: string | undefined): OtlpEndpoint | undefined {
  const upper = signal.toUpperCase();
  if (text(`OTEL_${upper}_EXPORTER`) === 'none') return undefined;
  const variables = [`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`, 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const;
  const said = variables.find((name) => text(name) !== undefined);
  const found = said === undefined ? configured : text(said);
  if (found === undefined) return undefined;
  const url = said === variables[0] ? found : `${found.replace(/\/+$/, '')}/v1/${signal}`;
  if (!URL.canParse(url) || !/^https?:/.test(url))
    throw new OtlpEndpointError(`${said ?? 'telemetry.otlp'} must be an http or https URL, found ${JSON.stringify(found)}`);
  const compression = text(`OTEL_EXPORTER_OTLP_${upper}_COMPRESSION`, 'OTEL_EXPORTER_OTLP_COMPRESSION');
  const isPlain = compression === undefined ? isLoopback(url) : compression !== 'gzip';
  return { url, from: said ?? 'telemetry.otlp', compression: isPlain ? 'none' : 'gzip' };
}

/**
 * Looks at what is said of receivers before anything is started: the thread that exports could only end of it, again and again. Returns the
 * signals for which a protocol is asked for that is not spoken.
 *
 * @throws OtlpEndpointError
 */
export function checkOtlp(configured: string | undefined): readonly Signal[] {
  if (isSdkDisabled()) return [];
  return signals.filter((signal) => {
    const protocol = text(`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_PROTOCOL`, 'OTEL_EXPORTER_OTLP_PROTOCOL');
    return otlpEndpoint(signal, configured) !== undefined && protocol?.startsWith('http/') === false;
  });
}

function isLoopback(url: string): boolean {
  const host = new URL(url).hostname;
  return host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}
