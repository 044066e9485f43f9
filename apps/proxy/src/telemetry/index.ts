export { createLogger } from './log.ts';
export { type RunningTelemetry, startTelemetry, type TelemetryPorts } from './start-telemetry.ts';
