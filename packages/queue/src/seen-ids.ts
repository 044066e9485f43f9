/**
 * Which ids a rebuild has seen: a million take 16 MiB, as a set of strings they take 70. Kept of each are 53 bits of a hash. So an id that was
 * not seen may, once in some ten billion times, be taken for one that was: a rebuild then leaves an entry whose file is gone, and whoever claims
 * it finds that out.
 */
export class SeenIds {
  /** Open addressing; 0: free. */
  #slots = new Float64Array(1024);
  #count = 0;

  add(id: string): void {
    if (this.#count * 2 >= this.#slots.length) this.#grow();
    if (put(this.#slots, hashOf(id))) this.#count++;
  }

  has(id: string): boolean {
    const hash = hashOf(id);
    return this.#slots[slotOf(this.#slots, hash)] === hash;
  }

  #grow(): void {
    const larger = new Float64Array(this.#slots.length * 2);
    for (const hash of this.#slots) if (hash !== 0) put(larger, hash);
    this.#slots = larger;
  }
}

/** True: it was not there. */
function put(slots: Float64Array, hash: number): boolean {
  const at = slotOf(slots, hash);
  if (slots[at] === hash) return false;
  slots[at] = hash;
  return true;
}

/** Where it is, or belongs. Some slot is always free. */
function slotOf(slots: Float64Array, hash: number): number {
  const mask = slots.length - 1;
  let at = hash % slots.length;
  while (slots[at] !== 0 && slots[at] !== hash) at = (at + 1) & mask;
  return at;
}

/** 1 to 2^53 - 1. Two mixers of 32 bits (cyrb53, in the public domain): ids are drawn by us, nobody makes them collide. */
function hashOf(id: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at);
    high = Math.imul(high ^ code, 2_654_435_761);
    low = Math.imul(low ^ code, 1_597_334_677);
  }
  high = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
  low = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909);
  return 4_294_967_296 * (0x1f_ffff & low) + (high >>> 0) || 1;
}
