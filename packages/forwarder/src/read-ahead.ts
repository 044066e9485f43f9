import type { QueueEntry } from '@radiotracer/queue';
import type { Held } from './held.ts';
import { Reading, type ReadingParts, readingBytes } from './reading.ts';

export interface ReadAheadOptions extends Omit<ReadingParts, 'closed'> {
  /** In memory for what is read before its turn and for what is being sent, together. */
  readonly maxBytes: number;
  /** Instances that are read before their turn. */
  readonly maxAhead: number;
}

/** Reads instances before their turn, within bounds; what is due is read in any case. */
export class ReadAhead {
  readonly #options: ReadAheadOptions;
  readonly #parts: ReadingParts;
  #bytes = 0;

  constructor(options: ReadAheadOptions) {
    this.#options = options;
    this.#parts = {
      ...options,
      closed: ({ bytes }) => {
        this.#bytes -= bytes;
      },
    };
  }

  /** What is being read, or is in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Undefined: there is no room. */
  begin(entry: QueueEntry): Reading | undefined {
    return this.#bytes + readingBytes(entry, this.#options.pieceBytes) > this.#options.maxBytes ? undefined : this.now(entry);
  }

  /** The next ones, in order, while there is room: several together once half of them are used up, for each call of another thread costs its waking. */
  fill(next: readonly Held[]): void {
    const { maxAhead } = this.#options;
    if (next[Math.floor(maxAhead / 2)]?.reading !== undefined) return;
    for (const held of next.slice(0, maxAhead)) {
      if (held.lost) continue;
      held.reading ??= this.begin(held.entry);
      if (held.reading === undefined) return;
    }
  }

  now(entry: QueueEntry): Reading {
    const reading = new Reading(entry, this.#parts);
    this.#bytes += reading.bytes;
    return reading;
  }
}
