import { decodeText } from './character-set.ts';
import { latin1 } from './latin1.ts';
import { trimUid } from './pdu.ts';

/**
 * A text value as a person would read it: decoded by (0008,0005), best effort, and without padding. For showing only: what travels
 * stays bytes. `specificCharacterSet` is the value of (0008,0005) as it came, backslashes and misspellings included.
 */
export function textValue(bytes: Uint8Array, specificCharacterSet?: string): string {
  if (specificCharacterSet === undefined && isPlain(bytes)) {
    let start = 0;
    let end = bytes.length;
    while (end > start && isPadding(bytes[end - 1])) end -= 1;
    while (start < end && isPadding(bytes[start])) start += 1;
    return latin1.decode(bytes, start, end);
  }
  return decodeText(bytes, specificCharacterSet ?? '').replace(/^[ \0]+|[ \0]+$/g, '');
}

/** ASCII, without escape sequences: nearly all of the short values that are read of every instance. */
function isPlain(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += 1) if ((bytes[at] as number) >= 0x80 || bytes[at] === escapeByte) return false;
  return true;
}

function isPadding(byte: number | undefined): boolean {
  return byte === space || byte === 0;
}

/** A UID without padding (PS3.5 9.1). */
export function uidValue(bytes: Uint8Array): string {
  return trimUid(latin1.decode(bytes));
}

const escapeByte = 0x1b;
const space = 0x20;
const backslash = 0x5c;
const plus = 0x2b;
const minus = 0x2d;
const digitZero = 0x30;

/**
 * The first value of an IS (PS3.5 6.2); undefined where it is no whole number that a number can hold exactly. Read from the bytes: it is asked
 * several times of every instance, on the way of the images.
 */
export function integerStringValue(bytes: Uint8Array): number | undefined {
  let end = bytes.indexOf(backslash);
  if (end < 0) end = bytes.length;
  while (end > 0 && isPadding(bytes[end - 1])) end -= 1;
  let at = 0;
  while (at < end && isPadding(bytes[at])) at += 1;
  const isNegative = bytes[at] === minus;
  if (isNegative || bytes[at] === plus) at += 1;
  if (at >= end) return undefined;
  let value = 0;
  for (; at < end; at += 1) {
    const digit = (bytes[at] as number) - digitZero;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return isNegative ? -value : value;
}

/** The first value of a US; undefined where there is none. */
export function uint16Value(bytes: Uint8Array, bigEndian = false): number | undefined {
  const first = bytes[0];
  const second = bytes[1];
  if (first === undefined || second === undefined) return undefined;
  return bigEndian ? (first << 8) | second : first | (second << 8);
}
