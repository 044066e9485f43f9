/** Everything between the stages' events and what leaves the process: spans, metrics, log lines. */
import type { Config } from '@radiotracer/config';
import { createTelemetry, type Telemetry } from '@radiotracer/telemetry';
import type pino from 'pino';
import { keptText } from '../kept/kept-text.ts';
import { spoolFolder } from '../kept/spool-folder.ts';
import { logTo } from './log-line.ts';
import { observeProcess } from './process-metrics.ts';
import { startTelemetrySdk, type TelemetrySdkConfig } from './sdk.ts';
import { loadSiteKey } from './site-key.ts';

export interface RunningTelemetry extends Pick<Telemetry, 'publish' | 'traceparent' | 'observeDelivery' | 'flush' | 'stats'> {
  /** Metrics in Prometheus' text format; undefined when disabled, and after the shutdown. */
  metricsText(): Promise<string | undefined>;
  /** Tells what was published, exports it and stops; takes a few seconds at most and never rejects. */
  shutdown(): Promise<void>;
}

export interface TelemetryPorts extends Pick<TelemetrySdkConfig, 'localExporter'> {
  readonly logger: pino.Logger;
  readonly version: string;
}

/** Rejects when a site key is configured, or kept, that cannot be used: another one would break every trace in two without a word. */
export async function startTelemetry(config: Config, ports: TelemetryPorts): Promise<RunningTelemetry> {
  const { logger, version, localExporter } = ports;
  const siteKey = await loadSiteKey(config.telemetry.siteKey, keptText(spoolFolder(config).siteKey));
  const sdk = startTelemetrySdk({
    otlp: config.telemetry.otlp,
    serviceVersion: version,
    onExportChange: (state, signal) => {
      const fields = { 'telemetry.signal': signal };
      if (state === 'working') logger.info(fields, 'telemetry is being taken again');
      else logger.warn({ ...fields, 'error.type': 'telemetry_export' }, 'telemetry is not being taken; images are not affected');
    },
    ...(localExporter === undefined ? {} : { localExporter }),
  });
  const telemetry = createTelemetry({
    ...sdk,
    siteKey,
    listeners: [logTo(logger)],
    aeTitles: configuredAeTitles(config),
    identifiers: config.telemetry.identifiers,
    quietPeriodMs: config.integrity.quietPeriodMs,
    studyRolloverMs: config.telemetry.studyRolloverMs,
    maxInstanceSpans: config.telemetry.maxInstanceSpans,
  });
  const endProcessMetrics = observeProcess(telemetry);
  return {
    publish: telemetry.publish,
    traceparent: telemetry.traceparent,
    observeDelivery: telemetry.observeDelivery,
    metricsText: sdk.metricsText,
    flush: async () => {
      await telemetry.flush();
      await sdk.forceFlush();
    },
    stats: telemetry.stats,
    shutdown: async () => {
      await telemetry.flush();
      await sdk.shutdown();
      endProcessMetrics();
    },
  };
}

/** Those that a metric may name: what else is called, or calls, could be anything. */
function configuredAeTitles({ routes, destinations }: Config): ReadonlySet<string> {
  const titles = new Set<string>();
  const add = (title: string | undefined) => {
    if (title !== undefined) titles.add(title);
  };
  for (const { calledAet, callingAet, rewriteCallingAet } of routes)
    for (const title of [calledAet, callingAet, rewriteCallingAet]) add(title);
  for (const { aet } of Object.values(destinations)) add(aet);
  return titles;
}
