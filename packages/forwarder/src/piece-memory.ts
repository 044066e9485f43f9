/**
 * Memory for pieces of data sets on their way out: shared, so that another thread can read files into it, and used again. New memory for each piece costs more than all else: the collector walks the
 * heap whenever some tens of megabytes of it have come together.
 */

/** Sizes double from here on, each with this much on top: a piece, and the front of its file. */
const stepBytes = 8 * 1024;

export class PieceMemory {
  readonly #keepBytes: number;
  readonly #free = new Map<number, SharedArrayBuffer[]>();
  #freeBytes = 0;

  /** `keepBytes`: how much may lie here unused; what is more goes to the collector. */
  constructor(keepBytes: number) {
    this.#keepBytes = keepBytes;
  }

  take(bytes: number): Uint8Array {
    const size = sizeFor(bytes);
    const known = this.#free.get(size)?.pop();
    if (known !== undefined) this.#freeBytes -= size;
    return Buffer.from(known ?? new SharedArrayBuffer(size), 0, bytes);
  }

  /** What `take` gave: nobody reads or writes it any more. */
  give({ buffer }: Uint8Array): void {
    if (!(buffer instanceof SharedArrayBuffer) || this.#freeBytes + buffer.byteLength > this.#keepBytes) return;
    const free = this.#free.get(buffer.byteLength) ?? [];
    this.#free.set(buffer.byteLength, free);
    free.push(buffer);
    this.#freeBytes += buffer.byteLength;
  }
}

function sizeFor(bytes: number): number {
  let size = stepBytes;
  while (size + stepBytes < bytes) size *= 2;
  return size + stepBytes;
}
