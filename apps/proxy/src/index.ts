export { type ProxyPorts, type RunningProxy, startProxy } from './compose.ts';
export { readCapabilities } from './kept/kept-capabilities.ts';
export { hasOwner } from './kept/kept-obstacles.ts';
export { keptText } from './kept/kept-text.ts';
export { openLedgerHome } from './kept/open-ledger.ts';
export { openQueue } from './kept/open-queue.ts';
export { loadOwnerId } from './kept/owner-id.ts';
export { ownerIdFile, type SpoolFolder, spoolFolder } from './kept/spool-folder.ts';
export { type Stranded, strandedOf } from './kept/stranded.ts';
export type { Obstacle } from './obstacles/obstacle.ts';
export { obstacles } from './obstacles/obstacles.ts';
export { type ExportTrial, tryExports } from './telemetry/export-trial.ts';
export { otelFindings } from './telemetry/otel-findings.ts';
export { loadSiteKey } from './telemetry/site-key.ts';
export {
  destinationFiles,
  listenerFiles,
  optionFiles,
  readTlsClient,
  readTlsFiles,
  type TlsFileNames,
  type TlsFinding,
} from './tls/index.ts';
