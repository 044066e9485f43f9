import { trimUid } from './pdu.ts';

/** How the elements of a data set are written (PS3.5 7.1, annex A). */
export interface DataSetEncoding {
  readonly explicitVr: boolean;
  readonly bigEndian: boolean;
  /** The whole data set is one raw deflate stream (PS3.5 A.5). */
  readonly deflated: boolean;
}

const explicitLittleEndian: DataSetEncoding = { explicitVr: true, bigEndian: false, deflated: false };
const implicitLittleEndian: DataSetEncoding = { explicitVr: false, bigEndian: false, deflated: false };

const encodings: ReadonlyMap<string, DataSetEncoding> = new Map([
  ['1.2.840.10008.1.2', implicitLittleEndian],
  // GE's private one: only its pixel data is big endian.
  ['1.2.840.113619.5.2', implicitLittleEndian],
  ['1.2.840.10008.1.2.2', { explicitVr: true, bigEndian: true, deflated: false }],
  ['1.2.840.10008.1.2.1.99', { explicitVr: true, bigEndian: false, deflated: true }],
  // JPIP referenced deflate, and JPIP HTJ2K referenced deflate.
  ['1.2.840.10008.1.2.4.95', { explicitVr: true, bigEndian: false, deflated: true }],
  ['1.2.840.10008.1.2.4.205', { explicitVr: true, bigEndian: false, deflated: true }],
]);

/** Every transfer syntax that is not known, encapsulated and private ones included, is explicit VR little endian (PS3.5 A.4). */
export function dataSetEncoding(transferSyntaxUid: string): DataSetEncoding {
  return encodings.get(trimUid(transferSyntaxUid)) ?? explicitLittleEndian;
}

/** VRs with a 16-bit length; every other has two reserved bytes and a 32-bit one (PS3.5 7.1.2). As the two letters' bytes, big endian. */
const shortVrs: ReadonlySet<number> = new Set(
  ['AE', 'AS', 'AT', 'CS', 'DA', 'DS', 'DT', 'FL', 'FD', 'IS', 'LO', 'LT', 'PN', 'SH', 'SL', 'SS', 'ST', 'TM', 'UI', 'UL', 'US'].map(
    vrCode,
  ),
);
const longVrs: ReadonlySet<number> = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV'].map(vrCode));

export const unVr = vrCode('UN');

function vrCode(vr: string): number {
  return (vr.charCodeAt(0) << 8) | vr.charCodeAt(1);
}

export function hasShortLength(vr: number): boolean {
  return shortVrs.has(vr);
}

/** Whether this is a VR of PS3.5 6.2. */
export function isKnownVr(vr: number): boolean {
  return shortVrs.has(vr) || longVrs.has(vr);
}

/** Whether these two bytes could be a VR at all, one of a later edition included. */
export function isUpperCasePair(vr: number): boolean {
  const first = vr >> 8;
  const second = vr & 0xff;
  return first >= 0x41 && first <= 0x5a && second >= 0x41 && second <= 0x5a;
}
