export { createLogger } from './log.ts';
export { logTo } from './log-line.ts';
export { startTelemetrySdk, type TelemetrySdk } from './sdk.ts';
export { fileSiteKeyStore, loadSiteKey } from './site-key.ts';
