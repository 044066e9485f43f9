export { encodeAssociateRqWithTitles } from './associate-titles.ts';
export { PdvControl, pdataHeader } from './pdata-header.ts';
export type * from './pdu.ts';
export { PduType, padAeTitle, trimAeTitle, trimUid } from './pdu.ts';
export { decodePdu, type PduLimits } from './pdu-decoder.ts';
export { encodePdu } from './pdu-encoder.ts';
export { PduReader, type PduReaderLimits, type PduSink } from './pdu-reader.ts';
export { WireError, type WireErrorCode } from './wire-error.ts';
