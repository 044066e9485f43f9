/** Big-endian parts of a PDU, put together (PS3.8 9.3.1). */

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** A field behind its 16-bit length. @throws RangeError when it does not fit */
export function field(parts: readonly Uint8Array[]): Uint8Array {
  const value = concat(parts);
  if (value.length > 0xffff) throw new RangeError(`${value.length} bytes do not fit a 16-bit length`);
  return concat([uint16(value.length), value]);
}

/** An item or sub-item: type, reserved, 16-bit length, value. @throws RangeError when it does not fit */
export function item(type: number, parts: readonly Uint8Array[]): Uint8Array {
  return concat([Uint8Array.of(type, 0), field(parts)]);
}
