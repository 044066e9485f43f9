export { createLogger, linesOf } from './log.ts';
export { otelFindings } from './otel-findings.ts';
export { loadSiteKey } from './site-key.ts';
export type { RunningTelemetry, TelemetryPorts } from './start-telemetry.ts';
export { TelemetryThread, type TelemetryThreadOptions } from './thread/telemetry-thread.ts';
