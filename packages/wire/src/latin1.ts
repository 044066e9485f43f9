/** ISO 8859-1 both ways: every byte is one character, so nothing is lost. (TextDecoder's "latin1" is windows-1252, which is not.) */
export const latin1 = {
  decode(bytes: Uint8Array): string {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  },
  encode(text: string): Uint8Array {
    return Buffer.from(text, 'latin1');
  },
};
