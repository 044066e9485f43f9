import type { AbortReason, Rejection } from './association-error.ts';

/** PS3.8 9.3.6. */
export const releaseRqPdu: Uint8Array = Uint8Array.of(0x05, 0, 0, 0, 0, 4, 0, 0, 0, 0);

/** PS3.8 9.3.7. */
export const releaseRpPdu: Uint8Array = Uint8Array.of(0x06, 0, 0, 0, 0, 4, 0, 0, 0, 0);

/** PS3.8 9.3.8. */
export function abortPdu(abort: AbortReason): Uint8Array {
  return Uint8Array.of(0x07, 0, 0, 0, 0, 4, 0, 0, abort.source, abort.reason);
}

/** PS3.8 9.3.4. */
export function rejectPdu(result: number, source: number, reason: number): Uint8Array {
  return Uint8Array.of(0x03, 0, 0, 0, 0, 4, 0, result, source, reason);
}

/** @param rj a whole A-ASSOCIATE-RJ */
export function rejectionOf(rj: Uint8Array): Rejection {
  return { result: rj[7] ?? 0, source: rj[8] ?? 0, reason: rj[9] ?? 0 };
}
