import type { InstanceId } from '@radiotracer/instance';
import type { QueueEntry } from '@radiotracer/queue';
import { type InstanceState, type OpenInstance, type Spool, wholeFileRoom } from '@radiotracer/spool';
import type { Clock } from '@radiotracer/upper-layer';
import type { PieceMemory } from './piece-memory.ts';

export interface ReadingParts {
  readonly spool: Pick<Spool, 'read' | 'stateOf'>;
  readonly memory: PieceMemory;
  readonly pieceBytes: number;
  readonly clock: Pick<Clock, 'now'>;
  /** Told once, when its memory is not needed any more. */
  readonly closed: (reading: Reading) => void;
}

/** An instance whose file is open, its first piece read and hashed. */
export interface Opened {
  readonly instance: OpenInstance;
  /** What was wrong with its first piece: of a short one, all. To be thrown when its turn comes. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** Where an instance was found. */
interface Look {
  readonly at: number;
  readonly state: Promise<InstanceState>;
}

/** Of what was yielded, so much may not have been handed on yet. */
const maxGatheredBytes = 128 * 1024;

/**
 * The file of one instance, read ahead as far as its first piece, and then sent once. What fits into a piece is read in one go, and its file
 * closed; of what is longer two pieces are in memory.
 */
export class Reading {
  /** In memory at most. */
  readonly bytes: number;
  /** Rejects with what `Spool.read` says. */
  readonly opened: Promise<Opened>;
  readonly #parts: ReadingParts;
  readonly #taken = new Set<Uint8Array>();
  #pieces: AsyncGenerator<Uint8Array, void, undefined> | undefined;
  #first: IteratorResult<Uint8Array, void> | undefined;
  readonly #id: InstanceId;
  /** The last look that was answered, and the last that was begun. */
  #known: Look | undefined;
  #asked: Look;
  #isWhole = false;
  #begun = false;
  #closed = false;

  constructor(entry: QueueEntry, parts: ReadingParts) {
    this.#parts = parts;
    this.bytes = readingBytes(entry, parts.pieceBytes);
    this.opened = this.#open(entry);
    this.#id = entry.id;
    this.#asked = this.#look(this.opened.then(({ instance }) => instance.state));
    // Whoever asks is told.
    this.opened.catch(() => this.close());
  }

  /** Asks where it is in the spool, if that was asked longer ago. */
  lookAgain(freshMs: number): void {
    if (!this.#isFresh(this.#asked, freshMs)) this.#ask();
  }

  /** Where it is in the spool, or was so long ago at most. @throws SpoolError */
  async state(freshMs: number): Promise<InstanceState> {
    if (this.#known !== undefined && this.#isFresh(this.#known, freshMs)) return await this.#known.state;
    this.lookAgain(freshMs);
    return await this.#asked.state;
  }

  /** The data set as one piece, once, after {@link opened}; undefined: it is not in memory as a whole, {@link dataSet} has it. */
  takeWhole(): Uint8Array | undefined {
    if (!this.#isWhole || this.#first?.done !== false) return undefined;
    this.#begun = true;
    return this.#first.value;
  }

  /**
   * The data set, once, after {@link opened}. `unsentBytes`: what the transport has not taken yet; memory that it has done with is used again.
   * @throws SpoolError as `OpenInstance.dataSet`
   */
  async *dataSet(unsentBytes: () => number): AsyncGenerator<Uint8Array, void, undefined> {
    this.#begun = true;
    let before: Uint8Array | undefined;
    for (let step = this.#first; step !== undefined && step.done !== true; step = await this.#pieces?.next()) {
      yield step.value;
      // This one was handed on, but for its end; so where less than this one is unsent, the one before has left.
      if (before !== undefined && unsentBytes() + maxGatheredBytes <= step.value.length) this.#giveBack(before);
      before = step.value;
    }
  }

  /** Called again, nothing happens. `sent`: all of it is, and the transport has nothing of it any more. */
  async close(sent = false): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const opened = await this.opened.catch(() => undefined);
    // Of what is longer, or failed, a read may be under way; of what was begun, a write.
    const isQuiet = this.#begun ? sent : opened?.instance.isWhole === true;
    if (isQuiet) for (const piece of [...this.#taken]) this.#giveBack(piece);
    this.#parts.closed(this);
    await opened?.instance.close();
  }

  async #open({ id, bytes }: QueueEntry): Promise<Opened> {
    const { spool, pieceBytes } = this.#parts;
    const instance = await spool.read(id, bytes > pieceBytes ? undefined : this.#take(wholeFileRoom(bytes)));
    this.#isWhole = instance.isWhole;
    this.#pieces = instance.dataSet(pieceBytes, (piece) => this.#take(piece));
    try {
      this.#first = await this.#pieces.next();
      return { instance, failure: undefined };
    } catch (error) {
      return { instance, failure: { error } };
    }
  }

  #ask(): void {
    this.#asked = this.#look(this.#parts.spool.stateOf(this.#id));
  }

  #look(state: Promise<InstanceState>): Look {
    const look = { at: this.#parts.clock.now(), state };
    const answered = () => {
      this.#known = look;
    };
    // A failure, too, is told to whoever asks.
    state.then(answered, answered);
    return look;
  }

  #isFresh({ at }: Look, freshMs: number): boolean {
    const age = this.#parts.clock.now() - at;
    return freshMs > 0 && age >= 0 && age <= freshMs;
  }

  #take(bytes: number): Uint8Array {
    const piece = this.#parts.memory.take(bytes);
    this.#taken.add(piece);
    return piece;
  }

  #giveBack(piece: Uint8Array): void {
    for (const taken of this.#taken) {
      if (taken.buffer !== piece.buffer) continue;
      this.#taken.delete(taken);
      this.#parts.memory.give(taken);
    }
  }
}

/** In memory at most, while it is read or sent. */
export function readingBytes({ bytes }: QueueEntry, pieceBytes: number): number {
  return bytes > pieceBytes ? 2 * pieceBytes : wholeFileRoom(bytes);
}
