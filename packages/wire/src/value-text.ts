import { decodeText } from './character-set.ts';
import { latin1 } from './latin1.ts';
import { trimUid } from './pdu.ts';

/**
 * A text value as a person would read it: decoded by (0008,0005), best effort, and without padding. For showing only: what travels
 * stays bytes. `specificCharacterSet` is the value of (0008,0005) as it came, backslashes and misspellings included.
 */
export function textValue(bytes: Uint8Array, specificCharacterSet?: string): string {
  return decodeText(bytes, specificCharacterSet ?? '').replace(/^[ \0]+|[ \0]+$/g, '');
}

/** A UID without padding (PS3.5 9.1). */
export function uidValue(bytes: Uint8Array): string {
  return trimUid(latin1.decode(bytes));
}

/** The first value of an IS (PS3.5 6.2); undefined where it is no whole number that a number can hold exactly. */
export function integerStringValue(bytes: Uint8Array): number | undefined {
  const [first = ''] = latin1.decode(bytes).split('\\');
  const text = first.replace(/^[ \0]+|[ \0]+$/g, '');
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The first value of a US; undefined where there is none. */
export function uint16Value(bytes: Uint8Array, bigEndian = false): number | undefined {
  const first = bytes[0];
  const second = bytes[1];
  if (first === undefined || second === undefined) return undefined;
  return bigEndian ? (first << 8) | second : first | (second << 8);
}
