/** Identifiers of C-FIND requests (PS3.4 C.4.1.1.3): a handful of short elements, in the order of their tags. */
export type Keys = readonly (readonly [tag: number, vr: 'CS' | 'IS' | 'UI', value: string])[];

/** `isExplicit`: Explicit VR Little Endian; else Implicit VR Little Endian (PS3.5 7.1). */
export function encodeIdentifier(keys: Keys, isExplicit: boolean): Uint8Array {
  return Buffer.concat(
    keys.map(([tag, vr, value]) => {
      const padding = value.length % 2 === 0 ? '' : vr === 'UI' ? '\0' : ' ';
      const text = Buffer.from(value + padding, 'latin1');
      const header = Buffer.alloc(8);
      header.writeUInt16LE(tag >>> 16, 0);
      header.writeUInt16LE(tag & 0xffff, 2);
      if (isExplicit) {
        header.write(vr, 4, 'latin1');
        header.writeUInt16LE(text.length, 6);
      } else header.writeUInt32LE(text.length, 4);
      return Buffer.concat([header, text]);
    }),
  );
}
