import type { InstanceHead, InstanceIdentifiers, InstancePlace } from '@radiotracer/instance';
import { HeadReader, integerStringValue, textValue, uidValue, uint16Value } from '@radiotracer/wire';

/** In the order in which they stand in a data set. */
const tag = {
  sopClassUid: 0x00080016,
  sopInstanceUid: 0x00080018,
  studyDate: 0x00080020,
  studyTime: 0x00080030,
  accessionNumber: 0x00080050,
  modality: 0x00080060,
  stationName: 0x00081010,
  patientId: 0x00100020,
  cardiacNumberOfImages: 0x00181090,
  studyInstanceUid: 0x0020000d,
  seriesInstanceUid: 0x0020000e,
  acquisitionNumber: 0x00200012,
  instanceNumber: 0x00200013,
  frameOfReferenceUid: 0x00200052,
  numberOfTemporalPositions: 0x00200105,
  imagesInAcquisition: 0x00201002,
  numberOfStudyRelatedInstances: 0x00201208,
  numberOfSeriesRelatedInstances: 0x00201209,
  concatenationUid: 0x00209161,
  inConcatenationTotalNumber: 0x00209163,
  samplesPerPixel: 0x00280002,
  photometricInterpretation: 0x00280004,
  numberOfFrames: 0x00280008,
  rows: 0x00280010,
  columns: 0x00280011,
  bitsAllocated: 0x00280100,
  numberOfRRIntervals: 0x00540061,
  numberOfTimeSlots: 0x00540071,
  numberOfSlices: 0x00540081,
  numberOfTimeSlices: 0x00540101,
} as const;

const wanted: ReadonlySet<number> = new Set(Object.values(tag));

/** A Patient ID has 64 characters, of several bytes some of them; all else is shorter. What is longer is kept for every instance in flight. */
const maxValueBytes = 512;

/** Group 0054 is far behind; only PET has in it what is wanted here. */
const lastOnceKnown = {
  tag: tag.modality,
  last: (modality: Uint8Array) =>
    modality.length === 2 && modality[0] === 0x50 && modality[1] === 0x54 ? tag.numberOfTimeSlices : tag.bitsAllocated,
};

/** Those whose pixel data are as long as they are said to be (PS3.5 8.1.1): the standard's, and GE's, of which they are big endian. */
const nativeTransferSyntaxes: ReadonlySet<string> = new Set([
  ...['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2', '1.2.840.113619.5.2'],
]);

/** Reads along with a data set, to the last element that an instance's head needs. */
export class InstanceHeadReader {
  readonly #reader: HeadReader;
  readonly #transferSyntaxUid: string;
  readonly #unread: Uint8Array[] = [];

  constructor(transferSyntaxUid: string) {
    this.#transferSyntaxUid = transferSyntaxUid;
    this.#reader = new HeadReader({ transferSyntaxUid, wanted, maxValueBytes, lastOnceKnown });
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

  /**
   * What is known so far; a value is decoded when it is asked for, by telemetry mostly, long after the answer has gone. `dataSetBytes`: of all of the
   * data set, where it is over.
   */
  head(dataSetBytes?: number): InstanceHead {
    this.catchUp();
    const nativeBytes = nativeTransferSyntaxes.has(this.#transferSyntaxUid) ? dataSetBytes : undefined;
    return new HeadOfInstance(this.#reader, nativeBytes);
  }
}

type KnownHead = Omit<InstanceHead, 'place' | 'identifiers'>;

/** Telemetry and the ledger ask for the same: it is decoded once. */
class HeadOfInstance implements InstanceHead {
  readonly #reader: HeadReader;
  readonly #nativeBytes: number | undefined;
  #known: KnownHead | undefined;

  /** @param nativeBytes of the whole data set; undefined: not known, or its pixel data are compressed */
  constructor(reader: HeadReader, nativeBytes: number | undefined) {
    this.#reader = reader;
    this.#nativeBytes = nativeBytes;
  }

  get sopClassUid(): string | undefined {
    return this.#decoded.sopClassUid;
  }

  get sopInstanceUid(): string | undefined {
    return this.#decoded.sopInstanceUid;
  }

  get studyInstanceUid(): string | undefined {
    return this.#decoded.studyInstanceUid;
  }

  get seriesInstanceUid(): string | undefined {
    return this.#decoded.seriesInstanceUid;
  }

  get modality(): string | undefined {
    return this.#decoded.modality;
  }

  get numberOfFrames(): number | undefined {
    return this.#decoded.numberOfFrames;
  }

  get place(): InstancePlace {
    return new PlaceOfInstance(this.#reader, this.#nativeBytes);
  }

  get identifiers(): InstanceIdentifiers {
    const textOf = (wantedTag: number) => read(this.#reader, wantedTag, textValue) || undefined;
    return {
      studyDate: textOf(tag.studyDate),
      studyTime: textOf(tag.studyTime),
      accessionNumber: textOf(tag.accessionNumber),
      stationName: textOf(tag.stationName),
    };
  }

  get #decoded(): KnownHead {
    const reader = this.#reader;
    this.#known ??= {
      sopClassUid: read(reader, tag.sopClassUid, uidValue),
      sopInstanceUid: read(reader, tag.sopInstanceUid, uidValue),
      studyInstanceUid: read(reader, tag.studyInstanceUid, uidValue),
      seriesInstanceUid: read(reader, tag.seriesInstanceUid, uidValue),
      modality: read(reader, tag.modality, textValue),
      numberOfFrames: read(reader, tag.numberOfFrames, integerStringValue),
    };
    return this.#known;
  }
}

class PlaceOfInstance implements InstancePlace {
  readonly #reader: HeadReader;
  readonly #nativeBytes: number | undefined;

  constructor(reader: HeadReader, nativeBytes: number | undefined) {
    this.#reader = reader;
    this.#nativeBytes = nativeBytes;
  }

  patientKey(keyed: (patientId: Uint8Array) => string): string | undefined {
    const id = read(this.#reader, tag.patientId, unpadded);
    return id === undefined || id.length === 0 ? undefined : keyed(id);
  }

  get accessionNumber(): string | undefined {
    return read(this.#reader, tag.accessionNumber, textValue) || undefined;
  }

  get cardiacNumberOfImages(): number | undefined {
    return read(this.#reader, tag.cardiacNumberOfImages, integerStringValue);
  }

  get acquisitionNumber(): number | undefined {
    return read(this.#reader, tag.acquisitionNumber, integerStringValue);
  }

  get instanceNumber(): number | undefined {
    return read(this.#reader, tag.instanceNumber, integerStringValue);
  }

  get frameOfReferenceUid(): string | undefined {
    return read(this.#reader, tag.frameOfReferenceUid, uidValue) || undefined;
  }

  get numberOfTemporalPositions(): number | undefined {
    return read(this.#reader, tag.numberOfTemporalPositions, integerStringValue);
  }

  get imagesInAcquisition(): number | undefined {
    return read(this.#reader, tag.imagesInAcquisition, integerStringValue);
  }

  get numberOfStudyRelatedInstances(): number | undefined {
    return read(this.#reader, tag.numberOfStudyRelatedInstances, integerStringValue);
  }

  get numberOfSeriesRelatedInstances(): number | undefined {
    return read(this.#reader, tag.numberOfSeriesRelatedInstances, integerStringValue);
  }

  get concatenationUid(): string | undefined {
    return read(this.#reader, tag.concatenationUid, uidValue) || undefined;
  }

  get inConcatenationTotalNumber(): number | undefined {
    return this.#uint16(tag.inConcatenationTotalNumber);
  }

  get numberOfRRIntervals(): number | undefined {
    return this.#uint16(tag.numberOfRRIntervals);
  }

  get numberOfTimeSlots(): number | undefined {
    return this.#uint16(tag.numberOfTimeSlots);
  }

  get numberOfSlices(): number | undefined {
    return this.#uint16(tag.numberOfSlices);
  }

  get numberOfTimeSlices(): number | undefined {
    return this.#uint16(tag.numberOfTimeSlices);
  }

  get cutShort(): boolean {
    if (this.#reader.midElement) return true;
    return this.#nativeBytes !== undefined && this.#nativeBytes - this.#reader.passedBytes < this.#pixelBytes;
  }

  /** That the pixel data take where they are not compressed, PS3.3 C.7.6.3.1. 0: there are none, or it is not said how many. */
  get #pixelBytes(): number {
    // Whose chrominance is of fewer samples than it says.
    if (read(this.#reader, tag.photometricInterpretation, textValue)?.endsWith('_422')) return 0;
    const frames = Math.max(1, read(this.#reader, tag.numberOfFrames, integerStringValue) ?? 1);
    const [rows, columns, bits] = [tag.rows, tag.columns, tag.bitsAllocated].map((each) => this.#uint16(each) ?? 0) as [
      number,
      number,
      number,
    ];
    return Math.floor((frames * rows * columns * bits * (this.#uint16(tag.samplesPerPixel) ?? 1)) / 8);
  }

  #uint16(wantedTag: number): number | undefined {
    return read(this.#reader, wantedTag, (bytes) => uint16Value(bytes, this.#reader.bigEndian));
  }
}

function read<T>(reader: HeadReader, wantedTag: number, decode: (bytes: Uint8Array) => T): T | undefined {
  const bytes = reader.value(wantedTag);
  return bytes === undefined || bytes.length === 0 ? undefined : decode(bytes);
}

/** Spaces and nulls on either side mean nothing in an LO. */
function unpadded(bytes: Uint8Array): Uint8Array {
  const isPadding = (byte: number | undefined) => byte === 0x20 || byte === 0x00;
  let start = 0;
  let end = bytes.length;
  while (start < end && isPadding(bytes[start])) start += 1;
  while (end > start && isPadding(bytes[end - 1])) end -= 1;
  return bytes.subarray(start, end);
}
