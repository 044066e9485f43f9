import { isIPv4 } from 'node:net';
import { text } from './environment.ts';

/** Where spans or metrics go, and how. */
export interface OtlpEndpoint {
  readonly url: string;
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
export function otlpEndpoint(signal: 'traces' | 'metrics', configured: string | undefined): OtlpEndpoint | undefined {
  const upper = signal.toUpperCase();
  if (text(`OTEL_${upper}_EXPORTER`) === 'none') return undefined;
  const base = text('OTEL_EXPORTER_OTLP_ENDPOINT') ?? configured;
  const url = text(`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`) ?? (base === undefined ? undefined : `${base.replace(/\/+$/, '')}/v1/${signal}`);
  if (url === undefined) return undefined;
  if (!URL.canParse(url) || !/^https?:/.test(url))
    throw new OtlpEndpointError(`the OTLP endpoint must be an http or https URL, found ${JSON.stringify(url)}`);
  const said = text(`OTEL_EXPORTER_OTLP_${upper}_COMPRESSION`, 'OTEL_EXPORTER_OTLP_COMPRESSION');
  const isPlain = said === undefined ? isLoopback(url) : said !== 'gzip';
  return { url, compression: isPlain ? 'none' : 'gzip' };
}

function isLoopback(url: string): boolean {
  const host = new URL(url).hostname;
  return host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}
