/**
 * Transaction UIDs of the storage commitments that we ask for ourselves. Whoever gets a report can tell by the UID alone whether it is one of
 * them, on any node and after any restart: of the 128 bits of a UUID (PS3.5 B.2; version 8, RFC 9562) the second half follows from the first.
 */
import { createHash, randomBytes } from 'node:crypto';

const root = '2.25.';

/** @param random 8 bytes */
export function newTransactionUid(random: Uint8Array = randomBytes(8)): string {
  const high = Buffer.from(random.subarray(0, 8));
  high.writeUInt8((high.readUInt8(6) & 0x0f) | 0x80, 6);
  return uidOf(high);
}

/** Without padding. */
export function isOwnTransaction(uid: string): boolean {
  if (!/^2\.25\.[1-9][0-9]{0,38}$/.test(uid)) return false;
  const value = BigInt(uid.slice(root.length));
  if (value >> 128n !== 0n) return false;
  const high = Buffer.alloc(8);
  high.writeBigUInt64BE(value >> 64n);
  return uidOf(high) === uid;
}

function uidOf(high: Buffer): string {
  const low = createHash('sha256').update('radiotracer|storage-commitment|').update(high).digest().subarray(0, 8);
  low.writeUInt8((low.readUInt8(0) & 0x3f) | 0x80, 0);
  return `${root}${(high.readBigUInt64BE() << 64n) | low.readBigUInt64BE()}`;
}
