export type * from './pdu.ts';
export { PduType, padAeTitle, trimAeTitle, trimUid } from './pdu.ts';
export type { PduSink } from './pdu-reader.ts';
export { WireError, type WireErrorCode } from './wire-error.ts';
