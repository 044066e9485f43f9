import { CommandSet, CommandTag, elementHeaderBytes as headerBytes, lengthBefore, tagBefore } from './command-set.ts';
import { WireError } from './wire-error.ts';

/** What one command set may hold. */
export interface CommandLimits {
  /** Default 64 KiB: real ones are a few hundred bytes, an attribute identifier list may be longer. */
  readonly maxCommandBytes?: number;
  /** Default 1,024. */
  readonly maxElements?: number;
}

/**
 * Reads a command set, which is always implicit VR little endian (PS3.7 6.3.1). The group length is not believed, the order of
 * elements and the groups they are of are not judged; values are views of `bytes`.
 * @throws WireError command-malformed when an element overruns, command-too-long
 */
export function decodeCommandSet(bytes: Uint8Array, limits: CommandLimits = {}): CommandSet {
  if (bytes.length > (limits.maxCommandBytes ?? 64 * 1024))
    throw new WireError('command-too-long', `command set of ${bytes.length} bytes`, 6);
  const maxElements = limits.maxElements ?? 1024;
  let elements = 0;
  let at = 0;
  while (at + headerBytes <= bytes.length) {
    const start = at + headerBytes;
    const end = start + lengthBefore(bytes, start);
    if (end > bytes.length)
      throw new WireError('command-malformed', `element ${hexTag(tagBefore(bytes, start))} overruns the command set`, 6);
    if (tagBefore(bytes, start) !== CommandTag.commandGroupLength) elements += 1;
    if (elements > maxElements) throw new WireError('command-malformed', `more than ${maxElements} elements`, 6);
    at = end;
  }
  // Padding of a whole message to an even length is seen; anything else is a cut header.
  for (let rest = at; rest < bytes.length; rest++)
    if (bytes[rest] !== 0) throw new WireError('command-malformed', `${bytes.length - at} bytes after the last element`, 6);
  return new CommandSet({ bytes: at === bytes.length ? bytes : bytes.subarray(0, at) });
}

/** Writes a command set, elements in ascending order behind a group length counted anew (PS3.7 6.3.1). */
export function encodeCommandSet(commandSet: CommandSet): Uint8Array {
  const elements = commandSet.elements
    .filter((element) => element.tag !== CommandTag.commandGroupLength)
    .sort((one, other) => one.tag - other.tag);
  let groupBytes = 0;
  let otherBytes = 0;
  for (const { tag, value } of elements) {
    if (tag < 0x10000) groupBytes += headerBytes + value.length;
    else otherBytes += headerBytes + value.length;
  }
  const bytes = new Uint8Array(headerBytes + 4 + groupBytes + otherBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, 4, true);
  view.setUint32(headerBytes, groupBytes, true);
  let at = headerBytes + 4;
  for (const { tag, value } of elements) {
    view.setUint16(at, tag >>> 16, true);
    view.setUint16(at + 2, tag & 0xffff, true);
    view.setUint32(at + 4, value.length, true);
    bytes.set(value, at + headerBytes);
    at += headerBytes + value.length;
  }
  return bytes;
}

function hexTag(tag: number): string {
  const digits = tag.toString(16).toUpperCase().padStart(8, '0');
  return `(${digits.slice(0, 4)},${digits.slice(4)})`;
}
