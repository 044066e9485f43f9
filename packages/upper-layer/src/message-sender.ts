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

/** Of a P-DATA-TF's length: the PDV's length field, its context id and its control header. */
const pdvHeaderBytes = 6;

export class MessageSender {
  readonly #association: Association;
  readonly #maxFragmentBytes: number;

  /**
   * @param peerMaxPduBytes what the peer announced; 0: no limit
   * @throws WireError pdu-malformed when no fragment of a message fits into that
   */
  constructor(association: Association, peerMaxPduBytes: number) {
    const maxPduBytes = peerMaxPduBytes === 0 ? ownMaxPduBytes : Math.min(peerMaxPduBytes, ownMaxPduBytes);
    const maxFragmentBytes = maxPduBytes - pdvHeaderBytes;
    this.#association = association;
    this.#maxFragmentBytes = maxFragmentBytes - (maxFragmentBytes % 2);
    if (this.#maxFragmentBytes < 2)
      throw new WireError('pdu-malformed', `a maximum length of ${peerMaxPduBytes} bytes leaves no room for data`, 6);
  }

  command(contextId: number, command: CommandSet): void {
    const bytes = encodeCommandSet(command);
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += this.#maxFragmentBytes) {
      const fragment = bytes.subarray(at, at + this.#maxFragmentBytes);
      const last = at + fragment.length === bytes.length ? PdvControl.last : 0;
      parts.push(pdataHeader(contextId, PdvControl.command | last, fragment.length), fragment);
    }
    // A hundred bytes: to copy them costs less than a second write.
    this.#association.send(Buffer.concat(parts));
  }

  /**
   * Sends a data set; an empty one is one empty fragment. Resolves when the association has all of it.
   * @param flow asked before every P-DATA-TF: a promise when it has to wait; throws or rejects when nothing more is to be sent
   */
  async dataSet(contextId: number, pieces: DataSetPieces, flow: () => Promise<void> | undefined): Promise<void> {
    let gathered: Uint8Array[] = [];
    let gatheredBytes = 0;
    const send = async (control: number) => {
      await flow();
      this.#association.cork();
      this.#association.send(pdataHeader(contextId, control, gatheredBytes));
      for (const part of gathered) this.#association.send(part);
      this.#association.uncork();
      gathered = [];
      gatheredBytes = 0;
    };
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length; ) {
        // A full fragment waits for one more byte: only then is it known not to be the last.
        if (gatheredBytes === this.#maxFragmentBytes) await send(0);
        const part = piece.subarray(at, at + this.#maxFragmentBytes - gatheredBytes);
        gathered.push(part);
        gatheredBytes += part.length;
        at += part.length;
      }
    }
    await send(PdvControl.last);
  }
}
