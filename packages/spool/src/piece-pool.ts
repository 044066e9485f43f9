/**
 * Memory for pieces of files on their way to the disk, used again: the collector need not walk for every quarter megabyte. While much of it is
 * out, further pieces are small ones, so that hundreds of instances at once cost little each.
 */
export class PiecePool {
  readonly #largeBytes: number;
  readonly #smallBytes: number;
  readonly #plentyBytes: number;
  readonly #keepBytes: number;
  readonly #freeLarge: Uint8Array[] = [];
  readonly #freeSmall: Uint8Array[] = [];
  #freeBytes = 0;
  #outBytes = 0;

  /** `plentyBytes`: what may be out in large pieces. `keepBytes`: what is kept of free ones. */
  constructor(options: {
    readonly largeBytes: number;
    readonly smallBytes: number;
    readonly plentyBytes: number;
    readonly keepBytes: number;
  }) {
    this.#largeBytes = options.largeBytes;
    this.#smallBytes = options.smallBytes;
    this.#plentyBytes = options.plentyBytes;
    this.#keepBytes = options.keepBytes;
  }

  /** Much is out: whoever can wait should. */
  get isScarce(): boolean {
    return this.#outBytes >= this.#plentyBytes;
  }

  take(): Uint8Array {
    const [bytes, free] = this.isScarce ? [this.#smallBytes, this.#freeSmall] : [this.#largeBytes, this.#freeLarge];
    this.#outBytes += bytes;
    const kept = free.pop();
    if (kept === undefined) return Buffer.allocUnsafeSlow(bytes);
    this.#freeBytes -= bytes;
    return kept;
  }

  /** Nobody reads or writes it any more. */
  give(piece: Uint8Array): void {
    this.#outBytes -= piece.length;
    if (this.#freeBytes + piece.length > this.#keepBytes) return;
    this.#freeBytes += piece.length;
    (piece.length === this.#largeBytes ? this.#freeLarge : this.#freeSmall).push(piece);
  }
}
