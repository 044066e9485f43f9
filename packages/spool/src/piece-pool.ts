/** Memory for pieces of files on their way to the disk, used again: the collector need not walk for every quarter megabyte. */
export class PiecePool {
  readonly pieceBytes: number;
  readonly #keep: number;
  readonly #free: Uint8Array[] = [];

  constructor(pieceBytes: number, keep: number) {
    this.pieceBytes = pieceBytes;
    this.#keep = keep;
  }

  take(): Uint8Array {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.pieceBytes);
  }

  /** Nobody reads or writes it any more. */
  give(piece: Uint8Array): void {
    if (this.#free.length < this.#keep) this.#free.push(piece);
  }
}
