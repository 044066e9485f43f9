export { createLogger, type LogOptions } from './log.ts';
export { type LogLine, logLine, logTo } from './log-line.ts';
export { OtlpEndpointError } from './otlp-endpoint.ts';
export { startTelemetrySdk, type TelemetrySdk, type TelemetrySdkConfig } from './sdk.ts';
export { fileSiteKeyStore, loadSiteKey, SiteKeyError, type SiteKeyStore } from './site-key.ts';
