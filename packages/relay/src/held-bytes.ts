import { GrowingBytes } from '@radiotracer/wire';

/** Takes `buffer.subarray(start, end)`. */
export type Emit = (buffer: Uint8Array, start: number, end: number) => void;

/**
 * Bytes of the stream that do not go on yet. As long as they lie behind one another in one chunk they are a range of it; then, and when that
 * chunk's memory is used again, a copy.
 */
export class HeldBytes {
  readonly #copied = new GrowingBytes();
  #buffer: Uint8Array | undefined;
  #start = 0;
  #end = 0;

  add(buffer: Uint8Array, start: number, end: number): void {
    if (buffer === this.#buffer && start === this.#end) {
      this.#end = end;
      return;
    }
    this.settle();
    this.#buffer = buffer;
    this.#start = start;
    this.#end = end;
  }

  /** The memory that was given is used again after this. */
  settle(): void {
    if (this.#buffer !== undefined) this.#copied.add(this.#buffer, this.#start, this.#end);
    this.#buffer = undefined;
  }

  /** Gives all of it, as one range; nothing is held then. */
  handTo(emit: Emit): void {
    if (this.#copied.length > 0) this.settle();
    const buffer = this.#buffer;
    this.#buffer = undefined;
    if (buffer !== undefined) {
      emit(buffer, this.#start, this.#end);
    } else if (this.#copied.length > 0) {
      const bytes = this.#copied.take();
      emit(bytes, 0, bytes.length);
    }
  }

  drop(): void {
    this.#buffer = undefined;
    this.#copied.take();
  }
}
