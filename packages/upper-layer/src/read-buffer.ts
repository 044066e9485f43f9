/**
 * Memory that sockets read into, used again and again. A new buffer for every read costs more than all our own work: the collector
 * walks the whole heap each time some tens of megabytes of such buffers have come together, several times a second at full speed.
 *
 * A buffer is leased: the reader holds it while a chunk is told, and each write of a slice holds it until the transport has taken
 * the slice. What shall live longer is copied.
 */

/** Holds the memory of a chunk. */
export interface Lease {
  retain(): void;
  /** Bound, so that it serves as a callback. */
  readonly release: () => void;
}

/** For memory that nobody uses again. */
export const unleased: Lease = { retain() {}, release() {} };

/** Bytes of a buffer, small to large: an idle association holds a small one, a busy one reads much at once. */
const sizes = [8 * 1024, 64 * 1024, 256 * 1024] as const;

/** Free buffers kept of each size; what is more goes to the collector. 2, 8 and 16 MiB. */
const keptFree = [256, 128, 64] as const;

/** Reads in a row that a smaller buffer would have served, before one is taken. */
const smallReadsToShrink = 4;

export class ReadBuffer implements Lease {
  readonly bytes: Uint8Array;
  readonly #free: ReadBuffer[];
  readonly #keep: number;
  #leases = 1;

  constructor(bytes: number, free: ReadBuffer[], keep: number) {
    this.bytes = new Uint8Array(bytes);
    this.#free = free;
    this.#keep = keep;
  }

  retain(): void {
    this.#leases++;
  }

  readonly release = (): void => {
    this.#leases--;
    if (this.#leases === 0 && this.#free.length < this.#keep) this.#free.push(this);
  };
}

/** The free buffers of a process. */
export class ReadBufferPool {
  readonly #free: ReadBuffer[][] = sizes.map(() => []);

  /** A buffer of the size class, with one lease on it. */
  take(sizeClass: number): ReadBuffer {
    const free = this.#free[sizeClass] as ReadBuffer[];
    const buffer = free.pop();
    if (buffer === undefined) return new ReadBuffer(sizes[sizeClass] as number, free, keptFree[sizeClass] as number);
    buffer.retain();
    return buffer;
  }
}

/** Chooses the size of one socket's next buffer by what its last reads brought. */
export class ReadSize {
  #sizeClass = 0;
  #smallReads = 0;

  get sizeClass(): number {
    return this.#sizeClass;
  }

  read(bytes: number): void {
    if (bytes === sizes[this.#sizeClass]) {
      this.#smallReads = 0;
      if (this.#sizeClass < sizes.length - 1) this.#sizeClass++;
    } else if (this.#sizeClass > 0 && bytes <= (sizes[this.#sizeClass - 1] as number)) {
      this.#smallReads++;
      if (this.#smallReads < smallReadsToShrink) return;
      this.#smallReads = 0;
      this.#sizeClass--;
    } else {
      this.#smallReads = 0;
    }
  }
}
