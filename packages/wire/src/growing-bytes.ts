/**
 * Bytes that come in pieces, one behind the other. It takes at most twice the memory of what has come, however small the pieces are: kept by
 * themselves they take more than a hundred bytes each.
 */
export class GrowingBytes {
  #memory: Uint8Array = none;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Takes a copy of `buffer.subarray(start, end)`. */
  add(buffer: Uint8Array, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#memory.length) {
      // Out of Node's pool where it is little: memory of its own takes longer to get and to free than all else that is done with a command.
      const grown = Buffer.allocUnsafe(this.#length === 0 ? length : Math.max(length, 2 * this.#memory.length));
      grown.set(this.#memory.subarray(0, this.#length));
      this.#memory = grown;
    }
    this.#memory.set(buffer.subarray(start, end), this.#length);
    this.#length = length;
  }

  /** All that has come. */
  get bytes(): Uint8Array {
    return this.#memory.length === this.#length ? this.#memory : this.#memory.subarray(0, this.#length);
  }

  /** All that has come; there is nothing then. */
  take(): Uint8Array {
    const { bytes } = this;
    this.#memory = none;
    this.#length = 0;
    return bytes;
  }
}

const none = new Uint8Array(0);
