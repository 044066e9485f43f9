import { createHash } from 'node:crypto';
import type { Envelope, InstanceId } from '@radiotracer/instance';
import { decodeHeader, type Header, usualHeaderBytes } from './file-header.ts';
import { headerBytesOf } from './front-bytes.ts';
import type { InstanceState } from './layout.ts';
import { SpoolError, spoolErrorOf } from './spool-error.ts';
import { type FileStart, readFully, type SpoolFile, type SpoolFileSystem } from './spool-file-system.ts';

/** An instance as a listing shows it: nothing of its data set was read. */
export interface ListedInstance {
  readonly id: InstanceId;
  readonly envelope: Envelope;
  readonly state: InstanceState;
  /** Of the whole file. */
  readonly bytes: number;
}

/** Bytes of a data set that are read at once. */
const usualPieceBytes = 256 * 1024;

/** Gives memory of so many bytes. */
export type TakeMemory = (bytes: number) => Uint8Array;

/** Room for the whole file of an instance of so many bytes, unless its front is longer than most. */
export function wholeFileRoom(dataSetBytes: number): number {
  return usualHeaderBytes + dataSetBytes;
}

/** The whole file in memory, and what the digest of its data set is. */
interface WholeFile {
  readonly bytes: Uint8Array;
  readonly dataSetDigest: string | undefined;
}

/** An instance open for reading. It stays readable whatever becomes of its name; close it. */
export class OpenInstance implements ListedInstance {
  readonly id: InstanceId;
  readonly envelope: Envelope;
  readonly state: InstanceState;
  readonly bytes: number;
  readonly path: string;
  readonly #content: SpoolFile | WholeFile;
  readonly #headerBytes: number;

  constructor(content: SpoolFile | WholeFile, path: string, state: InstanceState, { envelope, headerBytes }: Header) {
    this.id = envelope.id;
    this.envelope = envelope;
    this.state = state;
    this.bytes = headerBytes + envelope.dataSetBytes;
    this.path = path;
    this.#content = content;
    this.#headerBytes = headerBytes;
  }

  /** All of it is in memory, and no file is open. */
  get isWhole(): boolean {
    return 'dataSetDigest' in this.#content;
  }

  /**
   * The data set as it was received, in pieces of `pieceBytes`, each in memory of its own that the caller may keep, or in what `memory` gives;
   * what is in memory as a whole is one piece. The last piece is held back until the digest of all is right: whoever sends on what comes
   * here never completes an instance whose bytes have changed.
   * @throws SpoolError `digest-mismatch` instead of the last piece, `damaged` when the file is shorter now, `io`…
   */
  async *dataSet(pieceBytes = usualPieceBytes, memory: TakeMemory = ownMemory): AsyncGenerator<Uint8Array, void, undefined> {
    if ('dataSetDigest' in this.#content) {
      this.#mustBe(this.#content.dataSetDigest);
      if (this.envelope.dataSetBytes > 0) yield this.#content.bytes.subarray(this.#headerBytes);
      return;
    }
    const hash = createHash('sha256');
    const totalBytes = this.envelope.dataSetBytes;
    let doneBytes = Math.min(pieceBytes, totalBytes);
    let piece = await this.#piece(0, doneBytes, memory);
    while (doneBytes < totalBytes) {
      const nextBytes = Math.min(pieceBytes, totalBytes - doneBytes);
      const next = this.#piece(doneBytes, nextBytes, memory);
      // The consumer may take its time, or leave: the failure is told when the piece is asked for.
      next.catch(() => {});
      hash.update(piece);
      yield piece;
      piece = await next;
      doneBytes += nextBytes;
    }
    hash.update(piece);
    this.#mustBe(hash.digest('hex'));
    if (piece.length > 0) yield piece;
  }

  /** The file as it is, front and data set, with the same promise as {@link dataSet}. @throws SpoolError as there */
  async *wholeFile(): AsyncGenerator<Uint8Array, void, undefined> {
    yield await this.#read(0, this.#headerBytes, ownMemory);
    yield* this.dataSet();
  }

  /** Reads all and compares. @throws SpoolError as {@link dataSet} */
  async verify(): Promise<void> {
    for await (const _ of this.dataSet());
  }

  /** Never rejects: of what was only read, nothing can be lost any more. */
  async close(): Promise<void> {
    if (!('dataSetDigest' in this.#content)) await this.#content.close().catch(() => {});
  }

  #mustBe(digest: string | undefined): void {
    if (digest === this.envelope.digest) return;
    throw new SpoolError({
      code: 'digest-mismatch',
      operation: 'read',
      where: this.path,
      what: 'the bytes are not those that were received',
      advice: 'Do not send it on: quarantine it, fetch it again from the modality, and look at the disk',
    });
  }

  #piece(at: number, bytes: number, memory: TakeMemory): Promise<Uint8Array> {
    return this.#read(this.#headerBytes + at, bytes, memory);
  }

  async #read(at: number, bytes: number, memory: TakeMemory): Promise<Uint8Array> {
    if ('dataSetDigest' in this.#content) return Buffer.from(this.#content.bytes.subarray(at, at + bytes));
    const piece = memory(bytes);
    let read: number;
    try {
      read = await readFully(this.#content, piece, at);
    } catch (error) {
      throw spoolErrorOf(error, 'read', this.path);
    }
    if (read === bytes) return piece;
    throw new SpoolError({
      code: 'damaged',
      operation: 'read',
      where: this.path,
      what: `it ends after ${at + read} bytes, of ${this.bytes}`,
      advice: 'Do not send it on: quarantine it',
    });
  }
}

/**
 * Reads the front of an open file. On failure the file is closed.
 * @throws SpoolError `damaged`, `io`…
 */
export async function openInstance(file: SpoolFile, path: string, state: InstanceState, id: InstanceId): Promise<OpenInstance> {
  try {
    const fileBytes = await file.bytes();
    const head = Buffer.allocUnsafe(usualHeaderBytes);
    let front = head.subarray(0, await readFully(file, head, 0));
    const wanted = headerBytesOf(front);
    if (wanted !== undefined && wanted > front.length) {
      const whole = Buffer.allocUnsafe(wanted);
      front = whole.subarray(0, await readFully(file, whole, 0));
    }
    return new OpenInstance(file, path, state, headerOf(front, fileBytes, path, id));
  } catch (error) {
    await file.close().catch(() => {});
    throw spoolErrorOf(error, 'read', path);
  }
}

/** By the front alone, which is read into `memory`, for most a page. The file system's own errors, and @throws SpoolError `damaged` */
export async function lookAt(
  fileSystem: Pick<SpoolFileSystem, 'readStart'>,
  path: string,
  state: InstanceState,
  id: InstanceId,
  memory: Uint8Array = new Uint8Array(new SharedArrayBuffer(usualHeaderBytes)),
): Promise<ListedInstance> {
  let head = memory;
  let { headBytes, fileBytes } = await fileSystem.readStart(path, head);
  const wanted = headerBytesOf(head.subarray(0, headBytes));
  if (wanted !== undefined && wanted > headBytes && headBytes < fileBytes) {
    head = new Uint8Array(new SharedArrayBuffer(wanted));
    ({ headBytes, fileBytes } = await fileSystem.readStart(path, head));
  }
  const { envelope } = headerOf(head.subarray(0, headBytes), fileBytes, path, id);
  return { id, envelope, state, bytes: fileBytes };
}

/** The instance in memory, of a file that was read whole. @throws SpoolError `damaged` */
export function wholeInstance(bytes: Uint8Array, start: FileStart, path: string, state: InstanceState, id: InstanceId): OpenInstance {
  const { dataSetDigest } = start;
  return new OpenInstance({ bytes, dataSetDigest }, path, state, headerOf(bytes, start.fileBytes, path, id));
}

function ownMemory(bytes: number): Uint8Array {
  return Buffer.allocUnsafeSlow(bytes);
}

/** @throws SpoolError `damaged`, also when it is the front of another instance */
export function headerOf(front: Uint8Array, fileBytes: number, path: string, id: InstanceId): Header {
  const header = decodeHeader(front, fileBytes, path);
  if (header.envelope.id === id) return header;
  const what = 'its envelope is that of another instance';
  throw new SpoolError({
    code: 'damaged',
    operation: 'read',
    where: path,
    what,
    advice: 'Compare it with the modality; it must not be sent on',
  });
}
