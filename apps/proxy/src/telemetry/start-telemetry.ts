/** Everything between the stages' events and what leaves the process: spans, metrics, log lines. In the thread that calls it. */
import type { Config } from '@radiotracer/config';
import { createTelemetry, type Telemetry, type TelemetryOptions } from '@radiotracer/telemetry';
import { configuredAeTitles } from '../configured-ae-titles.ts';
import type { IntegrityThread } from '../integrity/integrity-port.ts';
import type { ThreadData } from '../integrity/message.ts';
import { exportLine } from './export-line.ts';
import { observeExports } from './export-metrics.ts';
import { type LogSink, logTo } from './log-line.ts';
import type { LoopDelay } from './loop-watch.ts';
import { observeProcess } from './process-metrics.ts';
import { type SamplingRule, startTelemetrySdk, type TelemetrySdkConfig } from './sdk.ts';

/** What the rest of the application knows of telemetry, in whichever thread it is. */
export interface RunningTelemetry
  extends Pick<Telemetry, 'publish' | 'traceparent' | 'observeDelivery' | 'observeLedger' | 'rememberStudies' | 'flush'> {
  /** A place for the ledger in the thread of telemetry, where there is one. @throws Error when it has just ended */
  readonly integrityThread?: (data: ThreadData) => IntegrityThread;
  stats(): Promise<ReturnType<Telemetry['stats']>>;
  /** Metrics in Prometheus' text format; undefined when disabled, and after the shutdown. */
  metricsText(): Promise<string | undefined>;
  /** Tells what was published, exports it and stops; takes a few seconds at most and never rejects. */
  shutdown(): Promise<void>;
}

/** In this thread there is a little more to know. */
export interface TelemetryHere extends RunningTelemetry, Pick<Telemetry, 'lost'> {
  readonly sampling: SamplingRule;
}

export interface TelemetryPorts extends Pick<TelemetrySdkConfig, 'localExporter'>, Pick<TelemetryOptions, 'rolledOver'> {
  readonly logger: LogSink;
  readonly version: string;
  /** Secret; the same on every node of a site. */
  readonly siteKey: Uint8Array;
  /** Of the thread that serves the associations. */
  readonly loopDelay: () => Promise<LoopDelay>;
}

export function startTelemetry(config: Config, ports: TelemetryPorts): TelemetryHere {
  const { logger, version, localExporter, siteKey, rolledOver } = ports;
  const sdk = startTelemetrySdk({
    otlp: config.telemetry.otlp,
    serviceVersion: version,
    onExport: (signal, endpoint, news) => {
      const { level, fields, message } = exportLine(signal, endpoint, news);
      logger[level](fields, message);
    },
    ...(localExporter === undefined ? {} : { localExporter }),
  });
  const telemetry = createTelemetry({
    ...sdk,
    siteKey,
    listeners: [logTo(logger)],
    aeTitles: configuredAeTitles(config),
    identifiers: config.telemetry.identifiers,
    studiesToldBy: config.integrity.enabled ? 'ledger' : 'memory',
    quietPeriodMs: config.integrity.quietPeriodMs,
    studyRolloverMs: config.telemetry.studyRolloverMs,
    maxInstanceSpans: config.telemetry.maxInstanceSpans,
    ...(rolledOver === undefined ? {} : { rolledOver }),
  });
  observeProcess(telemetry, ports.loopDelay);
  observeExports(telemetry, sdk);
  return {
    publish: telemetry.publish,
    lost: telemetry.lost,
    traceparent: telemetry.traceparent,
    observeDelivery: telemetry.observeDelivery,
    observeLedger: telemetry.observeLedger,
    rememberStudies: telemetry.rememberStudies,
    sampling: sdk.sampling,
    metricsText: sdk.metricsText,
    flush: async () => {
      await telemetry.flush();
      await sdk.forceFlush();
    },
    stats: async () => telemetry.stats(),
    shutdown: async () => {
      await telemetry.flush();
      await sdk.shutdown();
    },
  };
}
