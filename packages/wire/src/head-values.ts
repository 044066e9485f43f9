/**
 * Values that are kept of a head, one behind the other in memory that they share: each by itself would take three times its bytes, and most
 * of the time that reading a head takes.
 */

/** Node's pool gives this much without asking the system. */
const usualBytes = 512;

export class HeadValues {
  #bytes: Uint8Array | undefined;
  #usedBytes = 0;
  /** Tag, start and end of each. */
  readonly #places: number[] = [];
  #tag = 0;
  #start = 0;

  /** `lengthBytes` of it are about to come. */
  begin(tag: number, lengthBytes: number): void {
    this.#tag = tag;
    this.#start = this.#usedBytes;
    const neededBytes = this.#usedBytes + lengthBytes;
    if (this.#bytes !== undefined && neededBytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(usualBytes, neededBytes, 2 * this.#usedBytes));
    if (this.#bytes !== undefined) grown.set(this.#bytes.subarray(0, this.#usedBytes));
    this.#bytes = grown;
  }

  /** The next bytes of it: `from.subarray(start, end)`. */
  add(from: Uint8Array, start: number, end: number): void {
    const bytes = this.#bytes as Uint8Array;
    // Most are shorter than a view takes to make.
    for (let at = start; at < end; at += 1) bytes[this.#usedBytes++] = from[at] as number;
  }

  /** It is whole. Of a tag that was there already the first stays. Returns the tag. */
  end(): number {
    if (this.#at(this.#tag) < 0) this.#places.push(this.#tag, this.#start, this.#usedBytes);
    else this.#usedBytes = this.#start;
    return this.#tag;
  }

  get(tag: number): Uint8Array | undefined {
    const at = this.#at(tag);
    return at < 0 ? undefined : this.#value(at);
  }

  /** By tag, in the order of their coming. */
  all(): ReadonlyMap<number, Uint8Array> {
    const all = new Map<number, Uint8Array>();
    for (let at = 0; at < this.#places.length; at += 3) all.set(this.#places[at] as number, this.#value(at));
    return all;
  }

  #value(at: number): Uint8Array {
    // A plain view, whatever the memory is: a value equals itself however its bytes came.
    const { buffer, byteOffset } = this.#bytes as Uint8Array;
    const start = this.#places[at + 1] as number;
    const end = this.#places[at + 2] as number;
    return new Uint8Array(buffer, byteOffset + start, end - start);
  }

  #at(tag: number): number {
    for (let at = 0; at < this.#places.length; at += 3) if (this.#places[at] === tag) return at;
    return -1;
  }
}
