export { createLogger } from './log.ts';
export { prometheusContentType } from './prometheus-text.ts';
export { type RunningTelemetry, startTelemetry, type TelemetryPorts } from './start-telemetry.ts';
