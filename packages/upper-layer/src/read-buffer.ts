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

/**
 * Buffers of each size that may be out at once, in a process; further readers get smaller ones. 20 and 12 MiB: they are held as long as an
 * instance is retained, and small ones cost half as much again.
 */
const maxOut = [Number.POSITIVE_INFINITY, 320, 48] as const;

/** Free buffers kept of each size: all but the smallest, for what is dropped stays in memory until the collector comes. 4, 20 and 12 MiB. */
const keptFree = [512, 320, 48] as const;

/**
 * So many sockets share them all. The more there are past it, the fewer large buffers are used: hundreds of associations take their memory
 * otherwise, and a destination that so many wait for reads none of them fast.
 */
const fewReaders = 16;

/** Reads in a row that a smaller buffer would have served, before one is taken. */
const smallReadsToShrink = 4;

/** Of a buffer; with less left of it the next read gets another. */
const leastRoom = 1 / 4;

export class ReadBuffer implements Lease {
  readonly bytes: Uint8Array;
  readonly #giveBack: (buffer: ReadBuffer) => void;
  #leases = 1;

  constructor(bytes: number, giveBack: (buffer: ReadBuffer) => void) {
    this.bytes = new Uint8Array(bytes);
    this.#giveBack = giveBack;
  }

  /** By anybody beside the reader. */
  get isHeld(): boolean {
    return this.#leases > 1;
  }

  retain(): void {
    this.#leases++;
  }

  readonly release = (): void => {
    this.#leases--;
    if (this.#leases === 0) this.#giveBack(this);
  };
}

/** Buffers of one size. */
class SizeClass {
  readonly #bytes: number;
  readonly #keep: () => number;
  readonly #free: ReadBuffer[] = [];
  out = 0;

  constructor(bytes: number, keep: () => number) {
    this.#bytes = bytes;
    this.#keep = keep;
  }

  /** Lets go what is not to be kept any more. */
  trim(): void {
    const keep = Math.floor(this.#keep());
    if (this.#free.length > keep) this.#free.length = keep;
  }

  take(): ReadBuffer {
    this.out++;
    const buffer = this.#free.pop();
    if (buffer === undefined) return new ReadBuffer(this.#bytes, this.#giveBack);
    buffer.retain();
    return buffer;
  }

  readonly #giveBack = (buffer: ReadBuffer): void => {
    this.out--;
    if (this.#free.length < this.#keep()) this.#free.push(buffer);
  };
}

/** The buffers of a process. */
export class ReadBufferPool {
  #readers = 0;
  readonly #classes = sizes.map(
    (bytes, at) => new SizeClass(bytes, () => (at === 0 ? keptFree[0] : (keptFree[at] as number) * this.#share)),
  );

  /** A socket begins to read. */
  join(): void {
    this.#readers++;
    if (this.#readers > fewReaders) for (const each of this.#classes) each.trim();
  }

  /** A socket reads no more. */
  leave(): void {
    this.#readers--;
  }

  /** A buffer of the size class, or of the largest below of which not too many are out, with one lease on it. */
  take(sizeClass: number): ReadBuffer {
    let at = sizeClass;
    while ((this.#classes[at] as SizeClass).out >= (maxOut[at] as number) * this.#share) at--;
    return (this.#classes[at] as SizeClass).take();
  }

  /** Of the larger sizes, for as many as read now; 1: all. */
  get #share(): number {
    return this.#readers <= fewReaders ? 1 : fewReaders / this.#readers;
  }
}

/** Chooses the size of one socket's next buffer by what its last reads brought. */
export class ReadSize {
  #sizeClass = 0;
  #smallReads = 0;

  get sizeClass(): number {
    return this.#sizeClass;
  }

  /** Whether a buffer of so many bytes, some of them filled, is good for the next read. */
  suits(bufferBytes: number, filledBytes: number): boolean {
    return bufferBytes === sizes[this.#sizeClass] && filledBytes <= bufferBytes * (1 - leastRoom);
  }

  /** `room`: what could have been read. */
  read(bytes: number, room: number): void {
    if (bytes === room) {
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
