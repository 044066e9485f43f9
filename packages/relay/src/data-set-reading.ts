/** What is read of data sets beside the heads of instances: those of the small services whole, and of C-STOREs a checksum. */
import { crc32 } from 'node:zlib';
import type { OperationEnded, OperationName } from '@radiotracer/telemetry';
import { GrowingBytes } from '@radiotracer/wire';

/** What somebody wants of the data sets that pass. */
export interface DataSetWants {
  /** The request's data set, whole; of C-MOVE and C-GET the final response's too. */
  readonly wholeOf: ReadonlySet<OperationName>;
  /** A longer one is left out. */
  readonly maxBytes: number;
  /** A checksum of every C-STORE's data set. */
  readonly checksums: boolean;
}

/** Is given a data set in pieces, and reads them when the chunk they came in has gone on. */
export abstract class DataSetReading {
  readonly #unread: Uint8Array[] = [];

  /** Takes `buffer.subarray(start, end)` and reads it at the next `catchUp`, which must come before that memory is used again. */
  pushLater(buffer: Uint8Array, start: number, end: number): void {
    this.#unread.push(buffer.subarray(start, end));
  }

  catchUp(): void {
    for (const bytes of this.#unread) this.push(bytes);
    this.#unread.length = 0;
  }

  abstract push(bytes: Uint8Array): void;

  /** What `operation.ended` says of it, when the data set has come whole. */
  abstract get told(): Pick<OperationEnded, 'dataSet' | 'dataSetChecksum'>;
}

/** A whole data set, where it is short enough. */
export class WholeDataSet extends DataSetReading {
  readonly #maxBytes: number;
  readonly #kept = new GrowingBytes();
  #isTooLong = false;

  constructor(maxBytes: number) {
    super();
    this.#maxBytes = maxBytes;
  }

  push(bytes: Uint8Array): void {
    if (this.#kept.length + bytes.length > this.#maxBytes) this.#isTooLong = true;
    if (this.#isTooLong) this.#kept.take();
    else this.#kept.add(bytes, 0, bytes.length);
  }

  /** Undefined: it was too long. */
  get bytes(): Uint8Array | undefined {
    this.catchUp();
    return this.#isTooLong ? undefined : this.#kept.bytes;
  }

  get told(): Pick<OperationEnded, 'dataSet'> {
    return { dataSet: this.bytes };
  }
}

/** CRC-32 (ISO 3309): tells that two data sets differ, at memory's speed; not proof against intent. */
class DataSetChecksum extends DataSetReading {
  #value = 0;

  push(bytes: Uint8Array): void {
    this.#value = crc32(bytes, this.#value);
  }

  /** `crc32:` and eight hexadecimal digits. */
  get told(): Pick<OperationEnded, 'dataSetChecksum'> {
    this.catchUp();
    return { dataSetChecksum: `crc32:${this.#value.toString(16).padStart(8, '0')}` };
  }
}

/** What of this operation's request is to be read; undefined: nothing. */
export function readingOf(name: OperationName | undefined, wants: DataSetWants | undefined): DataSetReading | undefined {
  if (wants === undefined || name === undefined) return undefined;
  if (name === 'C-STORE') return wants.checksums ? new DataSetChecksum() : undefined;
  return wants.wholeOf.has(name) ? new WholeDataSet(wants.maxBytes) : undefined;
}
