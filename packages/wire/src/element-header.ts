import { type DataSetEncoding, hasShortLength, isKnownVr, isUpperCasePair, unVr } from './data-set-encoding.ts';

const delimitationGroup = 0xfffe;
const sequenceVr = 0x5351;
const shortHeaderBytes = 8;
const longHeaderBytes = 12;

/**
 * The header of one data element: tag, VR where there is one, length (PS3.5 7.1). Filled from pieces cut anywhere, used again for
 * the next element.
 */
export class ElementHeader {
  tag = 0;
  lengthBytes = 0;
  headerBytes = 0;
  whole = false;
  /** The VR is none: the length was read as implicit VR has it, and may be nonsense. */
  damaged = false;
  isSequence = false;

  readonly #bigEndian: boolean;
  #explicitVr: boolean;
  #first = true;
  /** Inside a UN element of undefined length opened at this depth all is implicit VR little endian (PS3.5 6.2.2); 0 is none. */
  #unDepth = 0;
  #isUn = false;
  readonly #bytes = new Uint8Array(longHeaderBytes);
  readonly #view = new DataView(this.#bytes.buffer);
  #filled = 0;
  #neededBytes = shortHeaderBytes;

  constructor(encoding: DataSetEncoding) {
    this.#explicitVr = encoding.explicitVr;
    this.#bigEndian = encoding.bigEndian;
  }

  /** Takes what it needs from `at` on and says how much that was. */
  read(bytes: Uint8Array, at: number): number {
    const start = at;
    let from = at;
    while (!this.whole && from < bytes.length) {
      const taken = Math.min(this.#neededBytes - this.#filled, bytes.length - from);
      for (let index = 0; index < taken; index += 1) this.#bytes[this.#filled + index] = bytes[from + index] as number;
      this.#filled += taken;
      from += taken;
      if (this.#filled === this.#neededBytes) this.#parse();
    }
    return from - start;
  }

  /** Forgets this header. */
  next(): void {
    this.whole = false;
    this.damaged = false;
    this.isSequence = false;
    this.#isUn = false;
    this.#filled = 0;
    this.#neededBytes = shortHeaderBytes;
  }

  /** This element, of undefined length, is what made the depth `depth`. */
  opened(depth: number): void {
    if (this.#isUn) this.#unDepth = depth;
  }

  /** The depth fell back to `depth`. */
  closed(depth: number): void {
    if (depth < this.#unDepth) this.#unDepth = 0;
  }

  #parse(): void {
    const littleEndian = !this.#bigEndian || this.#unDepth > 0;
    const group = this.#view.getUint16(0, littleEndian);
    const vr = this.#view.getUint16(4);
    if (this.#first) this.#look(vr);
    if (this.#filled === longHeaderBytes) {
      this.#whole(group, this.#view.getUint32(8, littleEndian), littleEndian);
    } else if (!this.#explicitVr || this.#unDepth > 0 || group === delimitationGroup) {
      this.#whole(group, this.#view.getUint32(4, littleEndian), littleEndian);
    } else if (hasShortLength(vr)) {
      this.#whole(group, this.#view.getUint16(6, littleEndian), littleEndian);
    } else if (isUpperCasePair(vr)) {
      this.isSequence = vr === sequenceVr;
      this.#isUn = vr === unVr;
      this.#neededBytes = longHeaderBytes;
    } else {
      this.damaged = true;
      this.#whole(group, this.#view.getUint32(4, littleEndian), littleEndian);
    }
  }

  /** Data sets in another encoding than was negotiated are seen; the first element tells them by its VR. */
  #look(vr: number): void {
    this.#first = false;
    if (this.#explicitVr && !this.#bigEndian && !isUpperCasePair(vr)) this.#explicitVr = false;
    else if (!this.#explicitVr && isKnownVr(vr)) this.#explicitVr = true;
  }

  #whole(group: number, lengthBytes: number, littleEndian: boolean): void {
    this.tag = group * 0x10000 + this.#view.getUint16(2, littleEndian);
    this.lengthBytes = lengthBytes;
    this.headerBytes = this.#filled;
    this.whole = true;
  }
}
