/**
 * Reads a stream of PDUs from chunks cut anywhere (PS3.8 9.3.1, 9.3.5).
 *
 * P-DATA-TF is not collected: its headers and the bytes of its fragments are told as they arrive, as ranges of the chunk that
 * carried them, so that a relay can pass slices on without a copy. A header cut in two by the stream is the one thing copied
 * (at most 12 bytes). Every other PDU is short, collected whole within its limit and told once.
 */

/** What {@link PduReader.push} tells, in the order of the wire. A range is `buffer.subarray(start, end)`. */
export interface PduSink {
  /** A whole PDU other than P-DATA-TF, its six header bytes included. The bytes are the callee's to keep. */
  pdu(type: number, pdu: Uint8Array): void;
  /** The six header bytes of a P-DATA-TF whose variable field is `lengthBytes` long. */
  pdata(buffer: Uint8Array, start: number, end: number, lengthBytes: number): void;
  /** The six header bytes of a PDV; `fragmentBytes` (0 is legal) follow. `remainingBytes`: of this P-DATA-TF, after this PDV. */
  pdv(
    buffer: Uint8Array,
    start: number,
    end: number,
    contextId: number,
    control: number,
    fragmentBytes: number,
    remainingBytes: number,
  ): void;
  /** Some bytes of the current PDV's fragment; never empty. */
  fragment(buffer: Uint8Array, start: number, end: number): void;
  /** The current PDV has been told whole. */
  pdvEnd(): void;
  /** The current P-DATA-TF has been told whole. */
  pdataEnd(): void;
}
