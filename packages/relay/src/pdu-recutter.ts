/**
 * Decides, P-DATA-TF by P-DATA-TF, what goes out for what came in (HAZARDS of the wire: PDUs longer than the receiver takes, and
 * command and data PDVs mixed in one PDU, which kill some widespread acceptors).
 *
 *   one PDV that fills its PDU, short enough           passes as it arrives, as ranges of the chunks
 *   anything else, to `maxHeldPduBytes`                is held to its end; then it passes as it came, or is cut at PDV borders
 *   where a second message begins in it                is cut there: what came before goes out, the rest each PDV its own PDU
 *   longer still                                       is cut as it arrives: each PDV its own PDU, none longer than allowed
 *
 * Contents are never touched: an over-long PDV becomes several fragments, of which only the last keeps the last-fragment bit.
 */
import { PdvControl, pdataHeader } from '@radiotracer/wire';
import { type Emit, HeldBytes } from './held-bytes.ts';

/** A PDU that must be seen whole before it can be judged is held up to this. */
const maxHeldPduBytes = 256 * 1024;

/** P-DATA-TF and PDV headers: what the maximum length counts on top of a fragment is the PDV's own six bytes (PS3.8 D.1). */
const pdvHeaderBytes = 6;
const pduHeaderBytes = 6;

type Mode = 'between' | 'undecided' | 'pass' | 'hold' | 'cut';

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
  readonly #held = new HeldBytes();
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
        this.#held.add(buffer, start, end);
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
      case 'hold':
        this.#held.add(buffer, start, end);
        return;
      default:
        this.#cut(buffer, start, end);
    }
  }

  /** Before a PDV that is not the first of its PDU: what came before it goes out now, and it is not behind that in a PDU. */
  divide(): void {
    if (this.#mode !== 'hold') return;
    this.#mode = 'cut';
    this.#held.handTo((buffer, start, end) => {
      for (const pdv of pdvsOf(buffer, start, end)) this.#cutWhole(buffer, pdv);
    });
  }

  pdataEnd(): void {
    const mode = this.#mode;
    this.#mode = 'between';
    if (mode === 'hold') this.#held.handTo(this.#judge);
  }

  /** The rest of this PDU will not come: of what is held, the messages that are whole go out. */
  giveUp(): void {
    this.#mode = 'between';
    this.#held.handTo((buffer, start, end) => {
      const pdvs = [...pdvsOf(buffer, start, end)];
      const wholeMessages = 1 + pdvs.findLastIndex(({ control, to }) => (control & PdvControl.last) !== 0 && to <= end);
      for (const pdv of pdvs.slice(0, wholeMessages)) this.#cutWhole(buffer, pdv);
    });
  }

  /** The current chunk's memory is used again after this: what is held of it is copied. */
  settle(): void {
    if (this.#mode === 'undecided') {
      this.#header = new Uint8Array(this.#header.subarray(this.#headerStart, this.#headerEnd));
      this.#headerStart = 0;
      this.#headerEnd = this.#header.length;
    }
    this.#held.settle();
  }

  #decide(remainingBytes: number): void {
    const simple = remainingBytes === 0 && this.#lengthBytes <= this.#maxPduBytes;
    if (simple) {
      this.#mode = 'pass';
      this.#emit(this.#header, this.#headerStart, this.#headerEnd);
    } else if (this.#lengthBytes <= maxHeldPduBytes) {
      this.#mode = 'hold';
      this.#held.add(this.#header, this.#headerStart, this.#headerEnd);
    } else {
      this.#mode = 'cut';
    }
  }

  /** A whole P-DATA-TF. */
  readonly #judge: Emit = (buffer, start, end) => {
    if (this.#lengthBytes <= this.#maxPduBytes && !isMixed(buffer, start, end)) {
      this.#emit(buffer, start, end);
      return;
    }
    for (const pdv of pdvsOf(buffer, start, end)) this.#cutWhole(buffer, pdv);
  };

  #cutWhole(buffer: Uint8Array, { contextId, control, from, to }: PdvRange): void {
    this.#beginCut(contextId, control, to - from);
    this.#cut(buffer, from, to);
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

interface PdvRange {
  readonly contextId: number;
  readonly control: number;
  /** Where its fragment lies. */
  readonly from: number;
  readonly to: number;
}

/** Of a P-DATA-TF that the reader has read: its lengths are right, and its headers whole; of the last PDV there may be less than it says. */
function* pdvsOf(pdu: Uint8Array, start: number, end: number): Generator<PdvRange> {
  const view = new DataView(pdu.buffer, pdu.byteOffset, pdu.byteLength);
  for (let at = start + pduHeaderBytes; at < end; ) {
    const to = at + 4 + view.getUint32(at);
    yield { contextId: view.getUint8(at + 4), control: view.getUint8(at + 5), from: at + pdvHeaderBytes, to };
    at = to;
  }
}

function isMixed(pdu: Uint8Array, start: number, end: number): boolean {
  let first: number | undefined;
  for (const { control } of pdvsOf(pdu, start, end)) {
    first ??= control;
    if (((control ^ first) & PdvControl.command) !== 0) return true;
  }
  return false;
}
