import { createHash, type Hash } from 'node:crypto';
import type { Envelope, InstanceId, OpenEnvelope } from '@radiotracer/instance';
import { encodeHeader, finishedEnvelope, type LateFields } from './file-header.ts';
import { shardOf } from './layout.ts';
import type { PiecePool } from './piece-pool.ts';
import { SpoolError, type SpoolErrorCode, spoolErrorOf, systemCode } from './spool-error.ts';
import { readFully, type SpoolFile, type SpoolFileSystem, writeFully } from './spool-file-system.ts';
import { folderName, type UsageCounter } from './usage.ts';

/** What a writer needs of its spool. */
export interface WriterHome {
  readonly fileSystem: SpoolFileSystem;
  readonly pool: PiecePool;
  readonly usage: UsageCounter;
  /** Bytes that a writer may have taken and not yet written before it asks to be waited for. */
  readonly maxUnwrittenBytes: number;
  overMaxBytes(): boolean;
  /** Renames the part into `waiting` and syncs the folder. */
  publish(id: InstanceId): Promise<void>;
  /** A part could not be deleted. */
  leftover(path: string, error: SpoolError): void;
  ended(writer: SpoolWriter): void;
}

export interface WriterStart {
  readonly begun: OpenEnvelope;
  /** {@link headerRoom} of it. */
  readonly headerBytes: number;
  /** Most likely it will be discarded. */
  readonly provisionally: boolean;
}

interface Piece {
  readonly memory: Uint8Array;
  readonly bytes: number;
  readonly position: number;
}

/** `open` until it is asked for its end; then exactly one of the others. */
type Phase = 'open' | 'committing' | 'committed' | 'discarded';

/**
 * One instance on its way into the spool, and equally the retention of one that a destination may yet take: nothing is synced before `commit`,
 * and `discard` leaves nothing.
 *
 * Memory: `maxUnwrittenBytes` and a piece, or little more than two small pieces while memory is scarce, if the caller waits for `drained` when
 * `write` says false.
 */
export class SpoolWriter {
  readonly id: InstanceId;
  /** The part's path, for messages. */
  readonly path: string;
  readonly #home: WriterHome;
  readonly #file: SpoolFile;
  readonly #begun: OpenEnvelope;
  readonly #headerBytes: number;
  /** Undefined: the digest is made at the commit, of what was written; to make it costs more than all the rest of what is then discarded. */
  readonly #hash: Hash | undefined;
  #phase: Phase = 'open';
  #failure: SpoolError | undefined;
  #dataSetBytes = 0;
  /** The piece that is being filled, and the file position of its first byte. */
  #filling: Uint8Array | undefined;
  #filledBytes = 0;
  #fillingAt = 0;
  #closed = false;
  readonly #queue: Piece[] = [];
  #queuedBytes = 0;
  #pumping: Promise<void> | undefined;
  #drained: { readonly promise: Promise<void>; readonly resolve: () => void; readonly reject: (error: SpoolError) => void } | undefined;
  /** Resolves when nothing of this writer is open, on disk or counted as incoming. */
  #cleaned: Promise<void> | undefined;
  #outcome: Promise<Envelope> | undefined;

  constructor(home: WriterHome, path: string, file: SpoolFile, { begun, headerBytes, provisionally }: WriterStart) {
    this.#hash = provisionally ? undefined : createHash('sha256');
    this.id = begun.id;
    this.path = path;
    this.#home = home;
    this.#file = file;
    this.#begun = begun;
    this.#headerBytes = headerBytes;
    // The first piece begins with the unfinished front: a small instance is one write, a long one's part says whose it is.
    this.#filling = home.pool.take();
    this.#filling.set(encodeHeader(begun, headerBytes));
    this.#filledBytes = headerBytes;
    home.usage.came('incoming', this.id, headerBytes);
  }

  /** Of the data set, so far. */
  get dataSetBytes(): number {
    return this.#dataSetBytes;
  }

  /** Why it cannot be committed any more. Its part is deleted. */
  get failure(): SpoolError | undefined {
    return this.#failure;
  }

  /**
   * Takes the next bytes of the data set; they are copied before it returns, so the caller's memory is the caller's again at once.
   * @returns true: go on; false: await `drained` first (which rejects if writing has failed)
   * @throws SpoolError `writer-finished` after commit or discard
   */
  write(bytes: Uint8Array): boolean {
    if (this.#phase !== 'open') throw this.#finishedError('write');
    if (this.#failure !== undefined) return false;
    this.#hash?.update(bytes);
    this.#dataSetBytes += bytes.length;
    this.#home.usage.grew('incoming', bytes.length);
    if (this.#home.overMaxBytes()) {
      this.#fail(this.#error('spool-full', 'write', 'spool.maxBytes is passed', 'Let the spool drain, or raise it'));
      return false;
    }
    for (let taken = 0; taken < bytes.length; ) {
      this.#filling ??= this.#home.pool.take();
      const room = this.#filling.length - this.#filledBytes;
      const now = Math.min(room, bytes.length - taken);
      this.#filling.set(taken === 0 && now === bytes.length ? bytes : bytes.subarray(taken, taken + now), this.#filledBytes);
      this.#filledBytes += now;
      taken += now;
      if (now === room) this.#enqueueFilled();
    }
    return this.#hasRoom;
  }

  /** Resolves when more may be written. Rejects with the SpoolError that ended the writing. */
  get drained(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#hasRoom) return Promise.resolve();
    if (this.#drained === undefined) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      // Asked for and not awaited: the failure is told by commit as well.
      promise.catch(() => {});
      this.#drained = { promise, resolve, reject };
    }
    return this.#drained.promise;
  }

  /**
   * Makes it safe. Resolves with the envelope as written when, and only when: all bytes and the finished front are written, the file is synced,
   * it stands in `waiting`, and that folder was synced after the rename. Rejects with a SpoolError otherwise; then it does not stand in
   * `waiting` (if the system crashes or refuses the deletion it may, whole).
   * `late`: what was read of the data set meanwhile; a value longer than its VR allows is left out.
   */
  commit(late: LateFields = {}): Promise<Envelope> {
    if (this.#phase !== 'open') return Promise.reject(this.#finishedError('commit'));
    this.#phase = 'committing';
    this.#outcome = this.#commit(late);
    return this.#outcome;
  }

  /** Forgets it, and resolves when its part is gone. Once commit was asked for it only waits for how that ends. Never rejects. */
  async discard(): Promise<void> {
    if (this.#phase === 'open') {
      this.#phase = 'discarded';
      this.#cleaned ??= this.#clean();
    }
    await this.#outcome?.catch(() => {});
    await this.#cleaned;
  }

  async #commit(late: LateFields): Promise<Envelope> {
    let envelope: Envelope;
    try {
      const digest = this.#hash?.digest('hex') ?? (await this.#digestOfWritten());
      envelope = finishedEnvelope(this.#begun, late, this.#dataSetBytes, digest);
      const header = encodeHeader(envelope, this.#headerBytes);
      const small = this.#fillingAt === 0 && this.#filling !== undefined;
      if (small) this.#filling?.set(header);
      if (this.#failure === undefined && this.#filledBytes > 0) this.#enqueueFilled();
      await this.#pumping;
      if (this.#failure !== undefined) throw this.#failure;
      if (!small) await writeFully(this.#file, header, 0);
      await this.#file.datasync();
    } catch (error) {
      this.#fail(spoolErrorOf(error, 'write', this.path));
      await this.#cleaned;
      throw this.#failure;
    }
    const fileBytes = this.#headerBytes + this.#dataSetBytes;
    // All of it is on the disk: what closing says changes nothing, and nobody waits for it.
    const closed = this.#close().catch(() => {});
    try {
      await this.#home.publish(this.id);
    } catch (error) {
      this.#failure = spoolErrorOf(error, 'commit', this.path);
      this.#cleaned = closed.then(() => this.#unlinkPart());
      await this.#cleaned;
      throw this.#failure;
    }
    await closed;
    this.#phase = 'committed';
    this.#home.usage.went('incoming', this.id, fileBytes);
    this.#home.usage.came(folderName('waiting', shardOf(this.id)), this.id, fileBytes);
    this.#home.ended(this);
    return envelope;
  }

  /** SHA-256 of the data set, read back but for what is not written yet. */
  async #digestOfWritten(): Promise<string> {
    await this.#pumping;
    if (this.#failure !== undefined) throw this.#failure;
    const hash = createHash('sha256');
    const memory = this.#home.pool.take();
    try {
      for (let at = this.#headerBytes; at < this.#fillingAt; ) {
        const bytes = await readFully(this.#file, memory.subarray(0, Math.min(memory.length, this.#fillingAt - at)), at);
        if (bytes === 0) throw this.#error('io', 'read back', 'the file is shorter than what was written', 'Look at the disk');
        hash.update(memory.subarray(0, bytes));
        at += bytes;
      }
    } finally {
      this.#home.pool.give(memory);
    }
    if (this.#filling !== undefined) {
      const from = Math.max(0, this.#headerBytes - this.#fillingAt);
      hash.update(this.#filling.subarray(from, this.#filledBytes));
    }
    return hash.digest('hex');
  }

  /** While memory is scarce, what is queued is written before more is taken. */
  get #hasRoom(): boolean {
    return this.#queuedBytes === 0 || (this.#queuedBytes < this.#home.maxUnwrittenBytes && !this.#home.pool.isScarce);
  }

  #enqueueFilled(): void {
    if (this.#filling === undefined) return;
    this.#queue.push({ memory: this.#filling, bytes: this.#filledBytes, position: this.#fillingAt });
    this.#queuedBytes += this.#filledBytes;
    this.#fillingAt += this.#filledBytes;
    this.#filling = undefined;
    this.#filledBytes = 0;
    this.#pumping ??= this.#pump();
  }

  /** One write in flight per file. Never rejects. */
  async #pump(): Promise<void> {
    for (let piece = this.#queue.shift(); piece !== undefined; piece = this.#queue.shift()) {
      try {
        await writeFully(this.#file, piece.memory.subarray(0, piece.bytes), piece.position);
      } catch (error) {
        this.#fail(spoolErrorOf(error, 'write', this.path));
      }
      this.#home.pool.give(piece.memory);
      this.#queuedBytes -= piece.bytes;
      if (this.#hasRoom) {
        this.#drained?.resolve();
        this.#drained = undefined;
      }
    }
    this.#pumping = undefined;
  }

  /** The first failure counts. What is left of it on disk goes at once, also if nobody asks again. */
  #fail(error: SpoolError): void {
    if (this.#failure !== undefined || this.#phase === 'discarded') return;
    this.#failure = error;
    this.#drained?.reject(error);
    this.#drained = undefined;
    this.#cleaned ??= this.#clean();
  }

  async #clean(): Promise<void> {
    this.#dropUnwritten();
    // The write in flight reads memory and uses the descriptor.
    await this.#pumping;
    this.#dropUnwritten();
    await this.#close().catch(() => {});
    await this.#unlinkPart();
  }

  /** Once, also when it failed: by then the number may be another file's. */
  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }

  #dropUnwritten(): void {
    for (const { memory, bytes } of this.#queue.splice(0)) {
      this.#home.pool.give(memory);
      this.#queuedBytes -= bytes;
    }
    if (this.#filling !== undefined) this.#home.pool.give(this.#filling);
    this.#filling = undefined;
  }

  async #unlinkPart(): Promise<void> {
    try {
      await this.#home.fileSystem.unlink(this.path);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') this.#home.leftover(this.path, spoolErrorOf(error, 'unlink', this.path));
    }
    this.#home.usage.went('incoming', this.id, this.#headerBytes + this.#dataSetBytes);
    this.#home.ended(this);
  }

  #finishedError(operation: string): SpoolError {
    return this.#error('writer-finished', operation, 'this writer was committed or discarded', 'Begin another');
  }

  #error(code: SpoolErrorCode, operation: string, what: string, advice: string): SpoolError {
    return new SpoolError({ code, operation, where: this.path, what, advice });
  }
}
