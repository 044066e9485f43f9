import type { CommitmentAsked } from './commit-at-destination.ts';
import { encodeIdentifier } from './query-identifier.ts';

const transactionUid = 0x00081195;
const referencedSopSequence = 0x00081199;
const item = 0xfffee000;
const referencedSopClassUid = 0x00081150;
const referencedSopInstanceUid = 0x00081155;

/** The action information of a Storage Commitment Request (PS3.4 table J.3-1). `isExplicit`: Explicit VR Little Endian, else Implicit. */
export function encodeCommitmentRequest({ transactionUid: uid, instances }: CommitmentAsked, isExplicit: boolean): Uint8Array {
  const items = instances.map(({ uid: instanceUid, sopClassUid = '' }) => {
    const keys = encodeIdentifier(
      [
        [referencedSopClassUid, 'UI', sopClassUid],
        [referencedSopInstanceUid, 'UI', instanceUid],
      ],
      isExplicit,
    );
    return Buffer.concat([header(item, undefined, keys.length), keys]);
  });
  const length = items.reduce((sum, { length: bytes }) => sum + bytes, 0);
  const sequence = header(referencedSopSequence, isExplicit ? 'SQ' : undefined, length);
  return Buffer.concat([encodeIdentifier([[transactionUid, 'UI', uid]], isExplicit), sequence, ...items]);
}

/** Of a defined length (PS3.5 7.1.2, 7.5.1); `vr` undefined: none is written. */
function header(tag: number, vr: 'SQ' | undefined, lengthBytes: number): Uint8Array {
  const bytes = Buffer.alloc(vr === undefined ? 8 : 12);
  bytes.writeUInt16LE(tag >>> 16, 0);
  bytes.writeUInt16LE(tag & 0xffff, 2);
  if (vr !== undefined) bytes.write(vr, 4, 'latin1');
  bytes.writeUInt32LE(lengthBytes, bytes.length - 4);
  return bytes;
}
