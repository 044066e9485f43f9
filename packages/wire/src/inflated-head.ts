import { constants, inflateRawSync } from 'node:zlib';

/** How much of the compressed stream is looked at. */
const maxWindowBytes = 64 * 1024;
const firstStrideBytes = 512;
const maxInflatedBytes = 1024 * 1024;

/**
 * Inflates the beginning of a deflated data set (PS3.5 A.5) from pieces cut anywhere, synchronously and within limits.
 *
 * The window is inflated from its start whenever it has doubled, and once more for what is left: at most twice its bytes of work,
 * at the same places however the stream was cut. A stream that inflates to more than the limit is not read any further.
 */
export class InflatedHead {
  readonly #maxBytes: number;
  readonly #tell: (bytes: Uint8Array) => boolean;
  #window: Uint8Array = new Uint8Array(firstStrideBytes);
  #filled = 0;
  #inflatedFrom = 0;
  #told = 0;
  #wantsMore = true;

  /** `tell` is given the inflated bytes in order, each once, and says whether more are wanted. */
  constructor(maxHeadBytes: number, tell: (bytes: Uint8Array) => boolean) {
    this.#maxBytes = Math.max(1, Math.min(maxHeadBytes, maxInflatedBytes));
    this.#tell = tell;
  }

  /** Says how inflating ended, `reading` if it did not. */
  push(bytes: Uint8Array): 'reading' | 'unreadable' | 'limit' {
    let at = 0;
    while (at < bytes.length) {
      const taken = Math.min(this.#window.length - this.#filled, bytes.length - at);
      if (taken === 0) return 'limit';
      this.#window.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled < this.#window.length) break;
      const ended = this.inflateRest();
      if (ended !== 'reading' || !this.#wantsMore) return ended;
      this.#grow();
    }
    return 'reading';
  }

  /** Inflates what has come since the last stride. */
  inflateRest(): 'reading' | 'unreadable' | 'limit' {
    if (this.#filled === this.#inflatedFrom) return 'reading';
    this.#inflatedFrom = this.#filled;
    const window = this.#window.subarray(0, this.#filled);
    const inflated = inflate(hasZlibHeader(window) ? window.subarray(2) : window, this.#maxBytes);
    if (inflated.bytes.length > this.#told) this.#wantsMore = this.#tell(inflated.bytes.subarray(this.#told));
    this.#told = Math.max(this.#told, inflated.bytes.length);
    return inflated.ended;
  }

  /** Lets the window go: nothing more is wanted. */
  release(): void {
    this.#window = new Uint8Array(0);
    this.#filled = 0;
    this.#inflatedFrom = 0;
  }

  #grow(): void {
    if (this.#window.length >= maxWindowBytes) return;
    const grown = new Uint8Array(this.#window.length * 2);
    grown.set(this.#window);
    this.#window = grown;
  }
}

/** What a truncated deflate stream gives, or as much of it as stays within `maxBytes`. */
function inflate(deflated: Uint8Array, maxBytes: number): { bytes: Uint8Array; ended: 'reading' | 'unreadable' | 'limit' } {
  let ended: 'reading' | 'limit' = 'reading';
  for (let input = deflated; input.length > 0; input = input.subarray(0, input.length >>> 1)) {
    try {
      return { bytes: inflateRawSync(input, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: maxBytes }), ended };
    } catch (error) {
      // zlib gives nothing at all of what was too much: half the input is tried for the beginning.
      if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') return { bytes: new Uint8Array(0), ended: 'unreadable' };
      ended = 'limit';
    }
  }
  return { bytes: new Uint8Array(0), ended };
}

/** Some senders wrap the stream as RFC 1950 has it; no raw deflate begins so, unless its padding bits are set. */
function hasZlibHeader(window: Uint8Array): boolean {
  const [first, second] = window;
  return first === 0x78 && second !== undefined && ((first << 8) | second) % 31 === 0;
}
