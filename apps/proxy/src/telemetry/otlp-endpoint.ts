import { isIPv4 } from 'node:net';
import { choice, text } from './environment.ts';

/** What is exported. */
export type Signal = 'traces' | 'metrics';

/** Where spans or metrics go, and how. */
export interface OtlpEndpoint {
  readonly url: string;
  /** The variable or the key that says so. */
  readonly from: string;
  readonly compression: 'gzip' | 'none';
}

/**
 * The OTLP/HTTP endpoint for a signal: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT as it stands, OTEL_EXPORTER_OTLP_ENDPOINT or the
 * configuration with `/v1/traces` behind it, the first that is a URL; undefined: nothing is exported (also with OTEL_TRACES_EXPORTER=none).
 * gzip for anything but loopback, where it only costs, unless OTEL_EXPORTER_OTLP_COMPRESSION says otherwise. For metrics likewise.
 */
export function otlpEndpoint(signal: Signal, configured: string | undefined): OtlpEndpoint | undefined {
  const upper = signal === 'traces' ? 'TRACES' : 'METRICS';
  if (choice(`OTEL_${upper}_EXPORTER`)?.includes('otlp') === false) return undefined;
  const specific = `OTEL_EXPORTER_OTLP_${upper}_ENDPOINT` as const;
  const general = 'OTEL_EXPORTER_OTLP_ENDPOINT';
  const behind = (base: string | undefined) => base && `${base.replace(/\/+$/, '')}/v1/${signal}`;
  const said = [
    { from: specific, url: text(specific) },
    { from: general, url: behind(text(general)) },
    { from: 'telemetry.otlp', url: behind(configured) },
  ];
  for (const { from, url } of said) {
    if (url === undefined || !isHttpUrl(url)) continue;
    const compression = choice(`OTEL_EXPORTER_OTLP_${upper}_COMPRESSION`, 'OTEL_EXPORTER_OTLP_COMPRESSION')?.[0];
    const isPlain = compression === undefined ? isLoopback(url) : compression !== 'gzip';
    return { url, from, compression: isPlain ? 'none' : 'gzip' };
  }
  return undefined;
}

export function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:/i.test(text);
}

function isLoopback(url: string): boolean {
  const host = new URL(url).hostname;
  return host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}
