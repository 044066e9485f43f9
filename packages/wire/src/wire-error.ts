/** Something illegal on the wire. `code` is stable: it labels metrics and tests. */
export type WireErrorCode =
  | 'pdu-type-unrecognized'
  | 'pdu-too-long'
  | 'pdu-malformed'
  | 'pdv-malformed'
  | 'too-many-presentation-contexts'
  | 'too-many-items'
  | 'command-malformed'
  | 'command-too-long'
  | 'message-malformed';

/** Names what was illegal, where, and the A-ABORT reason that PS3.8 9.3.8 gives for it. Never carries peer bytes in its message. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly code: WireErrorCode;
  /** Reason/Diag for A-ABORT source 2 (PS3.8 table 9-26). */
  readonly abortReason: number;

  constructor(code: WireErrorCode, message: string, abortReason: number) {
    super(message);
    this.code = code;
    this.abortReason = abortReason;
  }
}
