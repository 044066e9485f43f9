/** ISO 8859-1 both ways: every byte is one character, so nothing is lost. (TextDecoder's "latin1" is windows-1252, which is not.) */
export const latin1 = {
  decode(bytes: Uint8Array, start = 0, end = bytes.length): string {
    // Half the time of `Buffer.from(…).toString('latin1')`: no Buffer is made for it.
    return Buffer.prototype.latin1Slice.call(bytes, start, end);
  },
  encode(text: string): Uint8Array {
    return Buffer.from(text, 'latin1');
  },
};
