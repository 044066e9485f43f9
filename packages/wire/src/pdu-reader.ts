/**
 * Reads a stream of PDUs from chunks cut anywhere (PS3.8 9.3.1, 9.3.5).
 *
 * P-DATA-TF is not collected: its headers and the bytes of its fragments are told as they arrive, as ranges of the chunk that
 * carried them, so that a relay can pass slices on without a copy. A header cut in two by the stream is the one thing copied
 * (at most 12 bytes). Every other PDU is short, collected whole within its limit and told once.
 */

import { PduType } from './pdu.ts';
import { WireError } from './wire-error.ts';

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

/** The longest PDU length field (PS3.8 9.3.1: bytes after the six of the header) that is read, by type. */
export interface PduReaderLimits {
  /** A-ASSOCIATE-RQ and -AC; default 1 MiB. */
  readonly maxAssociatePduBytes?: number;
  /** A-ASSOCIATE-RJ, A-RELEASE and A-ABORT, which are 4 bytes by the standard; default 1 KiB. */
  readonly maxShortPduBytes?: number;
  /** P-DATA-TF, of which nothing is collected; default 512 MiB. */
  readonly maxPdataPduBytes?: number;
}

const headerBytes = 6;
const smallestPdvBytes = 6;

const State = { pduHeader: 0, collect: 1, pdvHeader: 2, fragment: 3 } as const;
type State = (typeof State)[keyof typeof State];

/**
 * One direction of one connection. Errors are {@link WireError}, thrown from `push` as soon as the header that is wrong is whole;
 * what came before it has been told, and later pushes are ignored.
 */
export class PduReader {
  readonly #maxAssociatePduBytes: number;
  readonly #maxShortPduBytes: number;
  readonly #maxPdataPduBytes: number;

  #state: State = State.pduHeader;
  #stopped = false;
  /** The beginning of a header that the chunk border cut. */
  #cut: Uint8Array | undefined;
  #cutBytes = 0;
  #type = 0;
  #collected: Uint8Array | undefined;
  #collectedBytes = 0;
  #pduBytes = 0;
  /** Of the P-DATA-TF, after the current PDV. */
  #pdataRemainingBytes = 0;
  #fragmentRemainingBytes = 0;

  constructor(limits: PduReaderLimits = {}) {
    this.#maxAssociatePduBytes = limits.maxAssociatePduBytes ?? 1024 * 1024;
    this.#maxShortPduBytes = limits.maxShortPduBytes ?? 1024;
    this.#maxPdataPduBytes = limits.maxPdataPduBytes ?? 512 * 1024 * 1024;
  }

  /** Whether the stream stands inside a PDU: an end of the stream here cuts one. */
  get midPdu(): boolean {
    return this.#state !== State.pduHeader || this.#cutBytes > 0;
  }

  /** Memory held for a PDU that is still being collected. */
  get heldBytes(): number {
    return (this.#collected?.length ?? 0) + (this.#cut?.length ?? 0);
  }

  /** Tells nothing more, the rest of the current chunk included. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Reads a chunk and tells what it holds. The sink must not call `push`; it may call `stop`.
   * @throws WireError pdu-type-unrecognized, pdu-too-long, pdv-malformed
   */
  push(chunk: Uint8Array, sink: PduSink): void {
    const end = chunk.length;
    let at = 0;
    while (at < end && !this.#stopped) {
      if (this.#state === State.fragment) {
        const taken = Math.min(end - at, this.#fragmentRemainingBytes);
        this.#fragmentRemainingBytes -= taken;
        sink.fragment(chunk, at, at + taken);
        at += taken;
        if (this.#fragmentRemainingBytes === 0) this.#endPdv(sink);
      } else if (this.#state === State.collect) {
        at += this.#collect(chunk, at, sink);
      } else if (this.#cut === undefined && end - at >= headerBytes) {
        this.#header(chunk, at, sink);
        at += headerBytes;
      } else {
        at += this.#cutHeader(chunk, at, sink);
      }
    }
  }

  /** Adds to a header cut by the chunk border. Its buffer is made anew each time: the sink may keep it. */
  #cutHeader(chunk: Uint8Array, at: number, sink: PduSink): number {
    this.#cut ??= new Uint8Array(headerBytes);
    const taken = Math.min(headerBytes - this.#cutBytes, chunk.length - at);
    this.#cut.set(chunk.subarray(at, at + taken), this.#cutBytes);
    this.#cutBytes += taken;
    if (this.#cutBytes === headerBytes) {
      const header = this.#cut;
      this.#cut = undefined;
      this.#cutBytes = 0;
      this.#header(header, 0, sink);
    }
    return taken;
  }

  #header(buffer: Uint8Array, at: number, sink: PduSink): void {
    if (this.#state === State.pdvHeader) this.#pdvHeader(buffer, at, sink);
    else this.#pduHeader(buffer, at, sink);
  }

  #pduHeader(buffer: Uint8Array, at: number, sink: PduSink): void {
    const type = byteAt(buffer, at);
    const lengthBytes = uint32At(buffer, at + 2);
    switch (type) {
      case PduType.pDataTf:
        if (lengthBytes > this.#maxPdataPduBytes) this.#tooLong(type, lengthBytes);
        if (lengthBytes < smallestPdvBytes) this.#malformed(`P-DATA-TF of ${lengthBytes} bytes holds no PDV`);
        this.#pdataRemainingBytes = lengthBytes;
        this.#state = State.pdvHeader;
        sink.pdata(buffer, at, at + headerBytes, lengthBytes);
        return;
      case PduType.associateRq:
      case PduType.associateAc:
        if (lengthBytes > this.#maxAssociatePduBytes) this.#tooLong(type, lengthBytes);
        break;
      case PduType.associateRj:
      case PduType.releaseRq:
      case PduType.releaseRp:
      case PduType.abort:
        if (lengthBytes > this.#maxShortPduBytes) this.#tooLong(type, lengthBytes);
        break;
      default:
        this.#stopped = true;
        throw new WireError('pdu-type-unrecognized', `PDU type ${hexByte(type)}`, 1);
    }
    this.#type = type;
    this.#pduBytes = headerBytes + lengthBytes;
    this.#collected = new Uint8Array(headerBytes);
    this.#collected.set(buffer.subarray(at, at + headerBytes));
    this.#collectedBytes = headerBytes;
    this.#state = State.collect;
    if (lengthBytes === 0) this.#endPdu(sink);
  }

  /** Grows with what has arrived, never with what is claimed: at most twice the bytes received. */
  #collect(chunk: Uint8Array, at: number, sink: PduSink): number {
    const taken = Math.min(this.#pduBytes - this.#collectedBytes, chunk.length - at);
    const neededBytes = this.#collectedBytes + taken;
    let collected = this.#collected as Uint8Array;
    if (collected.length < neededBytes) {
      const grown = new Uint8Array(Math.min(this.#pduBytes, Math.max(neededBytes, 2 * collected.length)));
      grown.set(collected.subarray(0, this.#collectedBytes));
      this.#collected = collected = grown;
    }
    collected.set(chunk.subarray(at, at + taken), this.#collectedBytes);
    this.#collectedBytes = neededBytes;
    if (neededBytes === this.#pduBytes) this.#endPdu(sink);
    return taken;
  }

  #endPdu(sink: PduSink): void {
    const pdu = this.#collected as Uint8Array;
    this.#collected = undefined;
    this.#state = State.pduHeader;
    sink.pdu(this.#type, pdu);
  }

  #pdvHeader(buffer: Uint8Array, at: number, sink: PduSink): void {
    const itemBytes = uint32At(buffer, at);
    const roomBytes = this.#pdataRemainingBytes - 4;
    // Compared before anything is subtracted from the length: 0 and 1 must not wrap.
    if (itemBytes < 2) this.#malformed(`PDV length ${itemBytes}`);
    if (itemBytes > roomBytes) this.#malformed(`PDV length ${itemBytes} in a P-DATA-TF with ${roomBytes} bytes left`);
    const remainingBytes = roomBytes - itemBytes;
    if (remainingBytes > 0 && remainingBytes < smallestPdvBytes) this.#malformed(`${remainingBytes} bytes after the last PDV`);
    const fragmentBytes = itemBytes - 2;
    this.#pdataRemainingBytes = remainingBytes;
    this.#fragmentRemainingBytes = fragmentBytes;
    this.#state = State.fragment;
    sink.pdv(buffer, at, at + headerBytes, byteAt(buffer, at + 4), byteAt(buffer, at + 5), fragmentBytes, remainingBytes);
    if (fragmentBytes === 0) this.#endPdv(sink);
  }

  #endPdv(sink: PduSink): void {
    if (this.#stopped) return;
    const last = this.#pdataRemainingBytes === 0;
    this.#state = last ? State.pduHeader : State.pdvHeader;
    sink.pdvEnd();
    if (last && !this.#stopped) sink.pdataEnd();
  }

  #tooLong(type: number, lengthBytes: number): never {
    this.#stopped = true;
    throw new WireError('pdu-too-long', `PDU type ${hexByte(type)} of ${lengthBytes} bytes`, 6);
  }

  #malformed(what: string): never {
    this.#stopped = true;
    throw new WireError('pdv-malformed', what, 6);
  }
}

function byteAt(buffer: Uint8Array, at: number): number {
  return buffer[at] as number;
}

function uint32At(buffer: Uint8Array, at: number): number {
  return byteAt(buffer, at) * 0x1000000 + (byteAt(buffer, at + 1) << 16) + (byteAt(buffer, at + 2) << 8) + byteAt(buffer, at + 3);
}

function hexByte(value: number): string {
  return `${value.toString(16).toUpperCase().padStart(2, '0')}H`;
}
