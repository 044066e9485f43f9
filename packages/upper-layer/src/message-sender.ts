/**
 * Cuts DIMSE messages into P-DATA-TFs (PS3.8 9.3.5, annex E): one PDV each, never longer than the peer takes, every fragment but the
 * last of even length, the command in PDUs of its own. A data set's bytes are sent from where they lie.
 */
import { type CommandSet, encodeCommandSet, PdvControl, pdataHeader, WireError } from '@radiotracer/wire';
import type { Association } from './association.ts';

/** A data set, in pieces cut anywhere. A piece is the sender's until the transport has taken it: its memory must not be used again. */
export type DataSetPieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** A P-DATA-TF of ours is gathered before its length can be written, so a peer without a limit, or with a huge one, gets this. */
const ownMaxPduBytes = 64 * 1024;

/** P-DATA-TFs with so many bytes of data, or one that has more, go out in one write. */
const writeBytes = 64 * 1024;

/** The same, while the transport takes all at once: a write costs the time of some tens of KiB. */
const fastWriteBytes = 120 * 1024;

/** Of a P-DATA-TF's length: the PDV's length field, its context id and its control header. */
const pdvHeaderBytes = 6;

/** Of the even length that every fragment but the last has; `peerMaxPduBytes` 0: no limit. */
function maxFragmentBytesFor(peerMaxPduBytes: number): number {
  const bytes = (peerMaxPduBytes === 0 ? ownMaxPduBytes : Math.min(peerMaxPduBytes, ownMaxPduBytes)) - pdvHeaderBytes;
  return bytes - (bytes % 2);
}

/** Whether anything can be said to a peer that announces this maximum length. */
export function leavesRoom(peerMaxPduBytes: number): boolean {
  return maxFragmentBytesFor(peerMaxPduBytes) >= 2;
}

export class MessageSender {
  readonly #association: Association;
  readonly #maxFragmentBytes: number;

  /**
   * @param peerMaxPduBytes what the peer announced; 0: no limit
   * @throws WireError pdu-malformed when no fragment of a message fits into that
   */
  constructor(association: Association, peerMaxPduBytes: number) {
    this.#association = association;
    this.#maxFragmentBytes = maxFragmentBytesFor(peerMaxPduBytes);
    if (!leavesRoom(peerMaxPduBytes))
      throw new WireError('pdu-malformed', `a maximum length of ${peerMaxPduBytes} bytes leaves no room for data`, 6);
  }

  command(contextId: number, command: CommandSet): void {
    this.#association.send(this.#commandPdus(contextId, command));
  }

  /**
   * Sends a command and its data set; an empty one is one empty fragment. Resolves when the association has all of it. The command goes out with
   * the first of the data: alone it is of no use to the peer, and each write costs more than its bytes.
   * @param flow asked before every write: a promise when it has to wait; throws or rejects when nothing more is to be sent
   */
  async message(contextId: number, command: CommandSet, pieces: DataSetPieces, flow: () => Promise<void> | undefined): Promise<void> {
    const isAtHand = Symbol.iterator in pieces;
    let out: Uint8Array[] = [this.#commandPdus(contextId, command)];
    let outBytes = 0;
    let enoughBytes = writeBytes;
    let gathered: Uint8Array[] = [];
    let gatheredBytes = 0;
    // All but the last are alike.
    const fullHeader = pdataHeader(contextId, 0, this.#maxFragmentBytes);
    const pdu = (header: Uint8Array) => {
      out.push(header);
      for (const part of gathered) out.push(part);
      outBytes += gatheredBytes;
      gathered = [];
      gatheredBytes = 0;
    };
    const write = async () => {
      const wait = flow();
      if (wait !== undefined) await wait;
      this.#association.cork();
      for (const part of out) this.#association.send(part);
      this.#association.uncork();
      enoughBytes = this.#association.bufferedBytes === 0 ? fastWriteBytes : writeBytes;
      out = [];
      outBytes = 0;
    };
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length; ) {
        // A full fragment waits for one more byte: only then is it known not to be the last.
        if (gatheredBytes === this.#maxFragmentBytes) {
          pdu(fullHeader);
          if (outBytes >= enoughBytes) await write();
        }
        const part = piece.subarray(at, at + this.#maxFragmentBytes - gatheredBytes);
        gathered.push(part);
        gatheredBytes += part.length;
        at += part.length;
      }
      // The next piece may take its time, unless it is at hand.
      if (outBytes > 0 && !isAtHand) await write();
    }
    pdu(pdataHeader(contextId, PdvControl.last, gatheredBytes));
    await write();
  }

  #commandPdus(contextId: number, command: CommandSet): Uint8Array {
    const bytes = encodeCommandSet(command);
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += this.#maxFragmentBytes) {
      const fragment = bytes.subarray(at, at + this.#maxFragmentBytes);
      const last = at + fragment.length === bytes.length ? PdvControl.last : 0;
      parts.push(pdataHeader(contextId, PdvControl.command | last, fragment.length), fragment);
    }
    // A hundred bytes: to copy them costs less than to write them by themselves.
    return Buffer.concat(parts);
  }
}
