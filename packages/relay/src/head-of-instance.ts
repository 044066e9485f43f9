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

  constructor(transferSyntaxUid: string) {
    this.#reader = new HeadReader({ transferSyntaxUid, wanted });
  }

  push(bytes: Uint8Array): void {
    if (!this.#reader.done) this.#reader.push(bytes);
  }

  get done(): boolean {
    return this.#reader.done;
  }

  /** What is known so far. */
  head(): InstanceHead {
    const { values } = this.#reader;
    const read = <T>(key: keyof typeof tag, decode: (bytes: Uint8Array) => T): T | undefined => {
      const bytes = values.get(tag[key]);
      return bytes === undefined || bytes.length === 0 ? undefined : decode(bytes);
    };
    return {
      sopClassUid: read('sopClassUid', uidValue),
      sopInstanceUid: read('sopInstanceUid', uidValue),
      studyInstanceUid: read('studyInstanceUid', uidValue),
      seriesInstanceUid: read('seriesInstanceUid', uidValue),
      modality: read('modality', (bytes) => textValue(bytes)),
      numberOfFrames: read('numberOfFrames', integerStringValue),
    };
  }
}
