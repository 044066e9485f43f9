/** Where the front of a spooled file ends, as it says itself: PS3.10 7.1, the group length (0002,0000). */

/** Titles and UIDs come from peers; nothing honest comes near. */
export const maxHeaderBytes = 65_536;

export const preambleBytes = 128;
export const magic = 'DICM';
export const groupLengthAt = preambleBytes + magic.length;
/** Tag, VR, 16-bit length, 32-bit value. */
export const groupLengthBytes = 12;

/** How much of the file must be read for `decodeHeader`; undefined when these bytes are no front of a file of ours. */
export function headerBytesOf(head: Uint8Array): number | undefined {
  if (head.length < groupLengthAt + groupLengthBytes) return undefined;
  const view = Buffer.from(head.buffer, head.byteOffset, head.length);
  if (view.toString('latin1', preambleBytes, groupLengthAt) !== magic || view.readUInt32LE(groupLengthAt) !== 2) return undefined;
  const bytes = view.readUInt32LE(groupLengthAt + 8) + groupLengthAt + groupLengthBytes;
  return bytes > maxHeaderBytes ? undefined : bytes;
}
