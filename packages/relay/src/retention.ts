/**
 * The bytes of one C-STORE in flight, kept until the destination has answered for them, so that a failing destination can be taken over
 * in the middle. In memory as long as the budget allows (the chunks themselves, by their leases: nothing is copied), past it in an unsynced
 * file of the store.
 */
import type { InstanceIntake } from '@radiotracer/instance';
import type { Lease } from '@radiotracer/upper-layer';

/** What an association takes of memory by itself, measured with hundreds of them. */
const associationBytes = 384 * 1024;
/** Of the whole, for retentions however many associations there are. */
const leastShare = 1 / 16;

/** Memory that all retentions of a process, or of an association, share. Bytes. */
export class RetentionBudget {
  readonly #bytes: number;
  readonly #parent: RetentionBudget | undefined;
  readonly #associations: () => number;
  #usedBytes = 0;

  /** `associations`: how many there are now; what they take by themselves, past the first, is not there for retentions. */
  constructor(bytes: number, { parent, associations = () => 1 }: { parent?: RetentionBudget; associations?: () => number } = {}) {
    this.#bytes = bytes;
    this.#parent = parent;
    this.#associations = associations;
  }

  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#limitBytes || (this.#parent !== undefined && !this.#parent.take(bytes))) return false;
    this.#usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
    this.#parent?.give(bytes);
  }

  get #limitBytes(): number {
    const takenBytes = Math.max(0, this.#associations() - 1) * associationBytes;
    return Math.max(this.#bytes * leastShare, this.#bytes - takenBytes);
  }
}

/** What is kept of one chunk: ranges of it, start and end, one after the other. */
interface Piece {
  readonly buffer: Uint8Array;
  readonly ranges: number[];
  readonly lease: Lease;
}

export class Retention {
  readonly #budget: RetentionBudget;
  readonly #begin: (provisionally: boolean) => InstanceIntake;
  readonly #pieces: Piece[] = [];
  /** Of the first piece, how far its ranges are in the store already. */
  #writtenRanges = 0;
  #heldBytes = 0;
  #intake: InstanceIntake | undefined;
  /** From the moment when memory did not suffice until all that was in it has gone into the store. */
  #spilling: Promise<void> | undefined;
  #released = false;

  /** `begin`: opens the place in the store, when memory does not suffice or the destination failed. */
  constructor(budget: RetentionBudget, begin: (provisionally: boolean) => InstanceIntake) {
    this.#budget = budget;
    this.#begin = begin;
  }

  /** Keeps `buffer.subarray(start, end)`. A promise: await it before the next. */
  append(buffer: Uint8Array, start: number, end: number, lease: Lease): Promise<void> | undefined {
    // Answered before it was whole: the rest of it is on its way all the same.
    if (this.#released) return undefined;
    if (this.#intake !== undefined && this.#spilling === undefined)
      return this.#intake.write(buffer.subarray(start, end)) ? undefined : this.#intake.drained;
    const last = this.#pieces.at(-1);
    if (last?.buffer === buffer) {
      last.ranges.push(start, end);
      return this.#spilling;
    }
    // A slice holds the whole memory that it is a slice of; once for all slices of one chunk.
    const heldBytes = last?.buffer.buffer === buffer.buffer ? 0 : buffer.buffer.byteLength;
    lease.retain();
    this.#pieces.push({ buffer, ranges: [start, end], lease });
    if (this.#spilling === undefined && this.#budget.take(heldBytes)) {
      this.#heldBytes += heldBytes;
      return undefined;
    }
    // Held beyond the budget is what has come already; nothing more comes before it is in the store.
    this.#spilling ??= this.#spill();
    return this.#spilling;
  }

  /** All that was kept, in the store, to be gone on with there; the memory is free again. */
  intake(): InstanceIntake {
    const intake = this.#intake ?? this.#begin(false);
    this.#intake = intake;
    while (this.#pieces.length > 0) this.#writeNext(intake);
    this.#letGo();
    return intake;
  }

  /** The destination has answered: nothing is needed any more. */
  release(): void {
    this.#released = true;
    this.#letGo();
    this.#intake?.discard();
  }

  /** Never rejects: that nothing can be kept is told by `commit`, if it is ever asked for. */
  async #spill(): Promise<void> {
    const intake = this.#begin(true);
    this.#intake = intake;
    try {
      // The place is there: what is written before would be copied once more.
      await intake.drained;
      // Whoever asks for the intake meanwhile writes what is left here by then.
      while (this.#pieces.length > 0) if (!this.#writeNext(intake)) await intake.drained;
    } catch {}
    this.#letGo();
    this.#spilling = undefined;
  }

  /** Takes the first range that is kept into the store, and no other: a spill may be interrupted after each. False: the store is to be awaited. */
  #writeNext(intake: InstanceIntake): boolean {
    const { buffer, ranges, lease } = this.#pieces[0] as Piece;
    const hasRoom = intake.write(buffer.subarray(ranges[this.#writtenRanges], ranges[this.#writtenRanges + 1]));
    this.#writtenRanges += 2;
    if (this.#writtenRanges === ranges.length) {
      this.#pieces.shift();
      this.#writtenRanges = 0;
      lease.release();
    }
    return hasRoom;
  }

  #letGo(): void {
    for (const { lease } of this.#pieces.splice(0)) lease.release();
    this.#budget.give(this.#heldBytes);
    this.#heldBytes = 0;
  }
}
