/**
 * Decides, P-DATA-TF by P-DATA-TF, what goes out for what came in (HAZARDS of the wire: PDUs longer than the receiver takes, and
 * command and data PDVs mixed in one PDU, which kill some widespread acceptors).
 *
 *   one PDV that fills its PDU, short enough           passes as it arrives, as ranges of the chunks
 *   anything else, to `maxHeldPduBytes`                is held to its end; then it passes as it came, or is cut at PDV borders
 *   longer still                                       is cut as it arrives: each PDV its own PDU, none longer than allowed
 *
 * Contents are never touched: an over-long PDV becomes several fragments, of which only the last keeps the last-fragment bit.
 */
import { PdvControl, pdataHeader } from '@radiotracer/wire';

/** Takes what goes out: `buffer.subarray(start, end)`. */
export type Emit = (buffer: Uint8Array, start: number, end: number) => void;

/** A PDU that must be seen whole before it can be judged is held up to this. */
const maxHeldPduBytes = 256 * 1024;

/** P-DATA-TF and PDV headers: what the maximum length counts on top of a fragment is the PDV's own six bytes (PS3.8 D.1). */
const pdvHeaderBytes = 6;

type Mode = 'between' | 'undecided' | 'pass' | 'hold' | 'cut';

/** A range of a chunk, until that chunk's memory is used again; then a copy of it. */
export interface Piece {
  buffer: Uint8Array;
  start: number;
  end: number;
}

interface HeldPdv {
  readonly contextId: number;
  readonly control: number;
  readonly fragmentBytes: number;
  readonly pieces: Piece[];
}

export class PduRecutter {
  readonly #emit: Emit;
  /** Bytes of the variable field that the receiver takes; Infinity when it set no (usable) limit. */
  readonly #maxPduBytes: number;
  readonly #maxFragmentBytes: number;
  #mode: Mode = 'between';
  #header: Uint8Array = new Uint8Array(0);
  #headerStart = 0;
  #headerEnd = 0;
  #lengthBytes = 0;
  #asCame: Piece[] = [];
  /** Those of `#asCame` before this have been copied. */
  #copied = 0;
  #held: HeldPdv[] = [];
  // The PDV that is being cut.
  #contextId = 0;
  #control = 0;
  #unsentBytes = 0;
  #roomBytes = 0;

  /** `receiverMaxPduBytes`: the receiver's maximum length (PS3.8 D.1); 0: no limit. Under 8 nothing could be sent, so it is not heeded. */
  constructor(receiverMaxPduBytes: number, emit: Emit) {
    this.#emit = emit;
    const limited = receiverMaxPduBytes >= 8;
    this.#maxPduBytes = limited ? receiverMaxPduBytes : Number.POSITIVE_INFINITY;
    // Even, as PS3.8 E.1 wants fragments.
    this.#maxFragmentBytes = limited ? (receiverMaxPduBytes - pdvHeaderBytes) & ~1 : Number.POSITIVE_INFINITY;
  }

  pdata(buffer: Uint8Array, start: number, end: number, lengthBytes: number): void {
    this.#mode = 'undecided';
    this.#header = buffer;
    this.#headerStart = start;
    this.#headerEnd = end;
    this.#lengthBytes = lengthBytes;
  }

  pdv(
    buffer: Uint8Array,
    start: number,
    end: number,
    contextId: number,
    control: number,
    fragmentBytes: number,
    remainingBytes: number,
  ): void {
    if (this.#mode === 'undecided') this.#decide(remainingBytes);
    switch (this.#mode) {
      case 'pass':
        this.#emit(buffer, start, end);
        return;
      case 'hold':
        this.#asCame.push({ buffer, start, end });
        this.#held.push({ contextId, control, fragmentBytes, pieces: [] });
        return;
      default:
        this.#beginCut(contextId, control, fragmentBytes);
    }
  }

  fragment(buffer: Uint8Array, start: number, end: number): void {
    switch (this.#mode) {
      case 'pass':
        this.#emit(buffer, start, end);
        return;
      case 'hold': {
        const piece = { buffer, start, end };
        this.#asCame.push(piece);
        this.#held.at(-1)?.pieces.push(piece);
        return;
      }
      default:
        this.#cut(buffer, start, end);
    }
  }

  pdataEnd(): void {
    const mode = this.#mode;
    this.#mode = 'between';
    if (mode !== 'hold') return;
    const asCame = this.#asCame;
    const held = this.#held;
    this.#asCame = [];
    this.#held = [];
    this.#copied = 0;
    if (this.#lengthBytes <= this.#maxPduBytes && !isMixed(held)) {
      for (const { buffer, start, end } of asCame) this.#emit(buffer, start, end);
      return;
    }
    for (const pdv of held) this.#emitCut(pdv);
  }

  /** The rest of this PDU will not come: of what is held, the messages that are whole go out. */
  giveUp(): void {
    const whole = this.#held.slice(0, 1 + this.#held.findLastIndex((pdv) => (pdv.control & PdvControl.last) !== 0 && isWhole(pdv)));
    this.#mode = 'between';
    this.#asCame = [];
    this.#held = [];
    this.#copied = 0;
    for (const pdv of whole) this.#emitCut(pdv);
  }

  /** The current chunk's memory is used again after this: what is held of it is copied. */
  settle(): void {
    if (this.#mode === 'undecided') {
      this.#header = new Uint8Array(this.#header.subarray(this.#headerStart, this.#headerEnd));
      this.#headerStart = 0;
      this.#headerEnd = this.#header.length;
    }
    for (; this.#copied < this.#asCame.length; this.#copied++) {
      copyPiece(this.#asCame[this.#copied] as Piece);
    }
  }

  #decide(remainingBytes: number): void {
    const simple = remainingBytes === 0 && this.#lengthBytes <= this.#maxPduBytes;
    if (simple) {
      this.#mode = 'pass';
      this.#emit(this.#header, this.#headerStart, this.#headerEnd);
    } else if (this.#lengthBytes <= maxHeldPduBytes) {
      this.#mode = 'hold';
      this.#asCame.push({ buffer: this.#header, start: this.#headerStart, end: this.#headerEnd });
    } else {
      this.#mode = 'cut';
    }
  }

  #emitCut({ contextId, control, fragmentBytes, pieces }: HeldPdv): void {
    this.#beginCut(contextId, control, fragmentBytes);
    for (const { buffer, start, end } of pieces) this.#cut(buffer, start, end);
  }

  #beginCut(contextId: number, control: number, fragmentBytes: number): void {
    this.#contextId = contextId;
    this.#control = control;
    this.#unsentBytes = fragmentBytes;
    this.#beginFragment();
  }

  #beginFragment(): void {
    this.#roomBytes = Math.min(this.#unsentBytes, this.#maxFragmentBytes);
    const isFinal = this.#roomBytes === this.#unsentBytes;
    const header = pdataHeader(this.#contextId, isFinal ? this.#control : this.#control & ~PdvControl.last, this.#roomBytes);
    this.#emit(header, 0, header.length);
  }

  #cut(buffer: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.#roomBytes === 0) this.#beginFragment();
      const bytes = Math.min(end - at, this.#roomBytes);
      this.#emit(buffer, at, at + bytes);
      at += bytes;
      this.#roomBytes -= bytes;
      this.#unsentBytes -= bytes;
    }
  }
}

/** Gives the piece memory of its own. */
export function copyPiece(piece: Piece): void {
  piece.buffer = new Uint8Array(piece.buffer.subarray(piece.start, piece.end));
  piece.start = 0;
  piece.end = piece.buffer.length;
}

function isWhole({ fragmentBytes, pieces }: HeldPdv): boolean {
  return pieces.reduce((bytes, { start, end }) => bytes + end - start, 0) === fragmentBytes;
}

function isMixed(pdvs: readonly HeldPdv[]): boolean {
  const first = pdvs[0];
  return first !== undefined && pdvs.some((pdv) => (pdv.control & PdvControl.command) !== (first.control & PdvControl.command));
}
