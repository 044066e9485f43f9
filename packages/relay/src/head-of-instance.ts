import type { InstanceHead } from '@radiotracer/instance';
import { HeadReader, integerStringValue, textValue, uidValue } from '@radiotracer/wire';

const tag = {
  sopClassUid: 0x00080016,
  sopInstanceUid: 0x00080018,
  modality: 0x00080060,
  studyInstanceUid: 0x0020000d,
  seriesInstanceUid: 0x0020000e,
  numberOfFrames: 0x00280008,
} as const;

const wanted: ReadonlySet<number> = new Set(Object.values(tag));

/** Reads along with a data set, to the last element that an instance's head needs. */
export class InstanceHeadReader {
  readonly #reader: HeadReader;
  readonly #unread: Uint8Array[] = [];

  constructor(transferSyntaxUid: string) {
    this.#reader = new HeadReader({ transferSyntaxUid, wanted });
  }

  push(bytes: Uint8Array): void {
    if (!this.#reader.done) this.#reader.push(bytes);
  }

  /** Takes `buffer.subarray(start, end)` and reads it at the next `catchUp`, which must come before that memory is used again. */
  pushLater(buffer: Uint8Array, start: number, end: number): void {
    this.#unread.push(buffer.subarray(start, end));
  }

  catchUp(): void {
    for (const bytes of this.#unread) this.push(bytes);
    this.#unread.length = 0;
  }

  get done(): boolean {
    return this.#reader.done;
  }

  /** What is known so far; a value is decoded when it is asked for, by telemetry mostly, long after the answer has gone. */
  head(): InstanceHead {
    this.catchUp();
    return new HeadOfInstance(this.#reader.values);
  }
}

class HeadOfInstance implements InstanceHead {
  readonly #values: ReadonlyMap<number, Uint8Array>;

  constructor(values: ReadonlyMap<number, Uint8Array>) {
    this.#values = values;
  }

  get sopClassUid(): string | undefined {
    return this.#read(tag.sopClassUid, uidValue);
  }

  get sopInstanceUid(): string | undefined {
    return this.#read(tag.sopInstanceUid, uidValue);
  }

  get studyInstanceUid(): string | undefined {
    return this.#read(tag.studyInstanceUid, uidValue);
  }

  get seriesInstanceUid(): string | undefined {
    return this.#read(tag.seriesInstanceUid, uidValue);
  }

  get modality(): string | undefined {
    return this.#read(tag.modality, textValue);
  }

  get numberOfFrames(): number | undefined {
    return this.#read(tag.numberOfFrames, integerStringValue);
  }

  #read<T>(wantedTag: number, decode: (bytes: Uint8Array) => T): T | undefined {
    const bytes = this.#values.get(wantedTag);
    return bytes === undefined || bytes.length === 0 ? undefined : decode(bytes);
  }
}
