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
  /** Of a header that is cut: its beginning. */
  #cut: Uint8Array | undefined;
  #filled = 0;
  #neededBytes = shortHeaderBytes;

  constructor(encoding: DataSetEncoding) {
    this.#explicitVr = encoding.explicitVr;
    this.#bigEndian = encoding.bigEndian;
  }

  /** Takes what it needs from `at` on and says how much that was. */
  read(bytes: Uint8Array, at: number): number {
    if (this.#filled === 0 && bytes.length - at >= longHeaderBytes) {
      // All of it is here, as nearly always: nothing is copied.
      this.#parse(bytes, at);
      if (!this.whole) this.#parse(bytes, at);
      return this.headerBytes;
    }
    const start = at;
    let from = at;
    this.#cut ??= new Uint8Array(longHeaderBytes);
    while (!this.whole && from < bytes.length) {
      const taken = Math.min(this.#neededBytes - this.#filled, bytes.length - from);
      for (let index = 0; index < taken; index += 1) this.#cut[this.#filled + index] = bytes[from + index] as number;
      this.#filled += taken;
      from += taken;
      if (this.#filled === this.#neededBytes) this.#parse(this.#cut, 0);
    }
    return from - start;
  }

  /** Whether some of a header has come and not all of it. */
  get begun(): boolean {
    return this.#filled > 0 && !this.whole;
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

  /** Reads the header at `at`, of which `#neededBytes` are there; where more are needed, it says so and is called again. */
  #parse(bytes: Uint8Array, at: number): void {
    const littleEndian = !this.#bigEndian || this.#unDepth > 0;
    const group = uint16At(bytes, at, littleEndian);
    const vr = uint16At(bytes, at + 4, false);
    if (this.#first) this.#look(vr);
    const tag = group * 0x10000 + uint16At(bytes, at + 2, littleEndian);
    if (this.#neededBytes === longHeaderBytes) {
      this.#whole(tag, uint32At(bytes, at + 8, littleEndian));
    } else if (!this.#explicitVr || this.#unDepth > 0 || group === delimitationGroup) {
      this.#whole(tag, uint32At(bytes, at + 4, littleEndian));
    } else if (hasShortLength(vr)) {
      this.#whole(tag, uint16At(bytes, at + 6, littleEndian));
    } else if (isUpperCasePair(vr)) {
      this.isSequence = vr === sequenceVr;
      this.#isUn = vr === unVr;
      this.#neededBytes = longHeaderBytes;
    } else {
      this.damaged = true;
      this.#whole(tag, uint32At(bytes, at + 4, littleEndian));
    }
  }

  /** Data sets in another encoding than was negotiated are seen; the first element tells them by its VR. */
  #look(vr: number): void {
    this.#first = false;
    if (this.#explicitVr && !this.#bigEndian && !isUpperCasePair(vr)) this.#explicitVr = false;
    else if (!this.#explicitVr && isKnownVr(vr)) this.#explicitVr = true;
  }

  #whole(tag: number, lengthBytes: number): void {
    this.tag = tag;
    this.lengthBytes = lengthBytes;
    this.headerBytes = this.#neededBytes;
    this.whole = true;
  }
}

function uint16At(bytes: Uint8Array, at: number, littleEndian: boolean): number {
  const first = bytes[at] as number;
  const second = bytes[at + 1] as number;
  return littleEndian ? first | (second << 8) : (first << 8) | second;
}

function uint32At(bytes: Uint8Array, at: number, littleEndian: boolean): number {
  const first = uint16At(bytes, at, littleEndian);
  const second = uint16At(bytes, at + 2, littleEndian);
  return littleEndian ? first + second * 0x10000 : first * 0x10000 + second;
}
