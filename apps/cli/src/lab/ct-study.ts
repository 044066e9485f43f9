/**
 * A CT study for the lab: a head phantom, slice after slice, Explicit VR Little Endian, the same bytes for the same options on every
 * machine. Each data set is whole: behind a file meta group it is a DICOM file that a viewer opens.
 */
import { createHash } from 'node:crypto';

export interface CtStudyOptions {
  /** Instances of each series. */
  readonly slices: readonly number[];
  /** Rows and columns. */
  readonly size: number;
  /** Another number is another study. Left out: 1. */
  readonly number?: number;
  /** Left out: none. */
  readonly withheld?: WithheldSlices | undefined;
}

/** Slices that were made, and are not sent. */
export interface WithheldSlices {
  /** Series Number, from 1. */
  readonly series: number;
  /** Instance Numbers, from 1. */
  readonly numbers: readonly number[];
}

/** Of a series with fewer slices nobody could tell that two are missing: by what is left the numbers might as well go in steps. */
const leastToMissTwo = 6;

/**
 * Two slices, a quarter and three quarters through the first series that has enough of them; where none has, of a study of its own. A
 * first or last one could not be missed by the numbers of the others.
 */
export function withTwoWithheld(slices: readonly number[]): { readonly slices: readonly number[]; readonly withheld: WithheldSlices } {
  const index = slices.findIndex((count) => count >= leastToMissTwo);
  if (index < 0) return withTwoWithheld([8]);
  const count = slices[index] ?? 0;
  return { slices, withheld: { series: index + 1, numbers: [1, 3].map((quarters) => 1 + Math.floor((count * quarters) / 4)) } };
}

export interface CtInstance {
  readonly sopInstanceUid: string;
  readonly dataSet: Uint8Array;
}

export const ctImageStorage = '1.2.840.10008.5.1.4.1.1.2';
export const explicitVrLittleEndian = '1.2.840.10008.1.2.1';

/** Yields the instances in the order of the acquisition; one is in memory at a time. */
export function* ctStudy({ slices, size, number = 1, withheld }: CtStudyOptions): Generator<CtInstance, void, undefined> {
  const studyUid = uid('study', slices.join(), size, number);
  for (const [index, count] of slices.entries()) {
    const series = index + 1;
    const seriesUid = uid('series', studyUid, series);
    for (let slice = 1; slice <= count; slice++) {
      if (withheld?.series === series && withheld.numbers.includes(slice)) continue;
      const sopInstanceUid = uid('instance', seriesUid, slice);
      const dataSet = encode([
        [0x0008_0008, 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'],
        [0x0008_0016, 'UI', ctImageStorage],
        [0x0008_0018, 'UI', sopInstanceUid],
        [0x0008_0020, 'DA', '20260102'],
        [0x0008_0023, 'DA', '20260102'],
        [0x0008_0030, 'TM', '101500'],
        [0x0008_0033, 'TM', '101530'],
        [0x0008_0050, 'SH', `LAB-${number}`],
        [0x0008_0060, 'CS', 'CT'],
        [0x0008_0070, 'LO', 'RADIOTRACER'],
        [0x0008_0090, 'PN', ''],
        [0x0008_1030, 'LO', 'Head phantom'],
        [0x0008_103e, 'LO', `Series ${series}`],
        [0x0010_0010, 'PN', 'Phantom^Head'],
        [0x0010_0020, 'LO', 'LAB'],
        [0x0010_0030, 'DA', ''],
        [0x0010_0040, 'CS', 'O'],
        [0x0018_0050, 'DS', '5'],
        [0x0018_0060, 'DS', '120'],
        [0x0020_000d, 'UI', studyUid],
        [0x0020_000e, 'UI', seriesUid],
        [0x0020_0010, 'SH', '1'],
        [0x0020_0011, 'IS', `${series}`],
        [0x0020_0012, 'IS', '1'],
        [0x0020_0013, 'IS', `${slice}`],
        [0x0020_0032, 'DS', `-120\\-120\\${(slice - 1) * 5}`],
        [0x0020_0037, 'DS', '1\\0\\0\\0\\1\\0'],
        [0x0020_0052, 'UI', uid('frame of reference', studyUid)],
        [0x0020_1002, 'IS', `${count}`],
        [0x0020_1040, 'LO', ''],
        [0x0028_0002, 'US', uint16(1)],
        [0x0028_0004, 'CS', 'MONOCHROME2'],
        [0x0028_0010, 'US', uint16(size)],
        [0x0028_0011, 'US', uint16(size)],
        [0x0028_0030, 'DS', `${decimal(240 / size)}\\${decimal(240 / size)}`],
        [0x0028_0100, 'US', uint16(16)],
        [0x0028_0101, 'US', uint16(12)],
        [0x0028_0102, 'US', uint16(11)],
        [0x0028_0103, 'US', uint16(0)],
        [0x0028_1050, 'DS', '40'],
        [0x0028_1051, 'DS', '200'],
        [0x0028_1052, 'DS', '-1024'],
        [0x0028_1053, 'DS', '1'],
        [0x7fe0_0010, 'OW', pixels(size, series, (slice - 0.5) / count)],
      ]);
      yield { sopInstanceUid, dataSet };
    }
  }
}

type Element = readonly [tag: number, vr: string, value: string | Uint8Array];

/** PS3.5 7.1.2. */
function encode(elements: readonly Element[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [tag, vr, value] of elements) {
    const bytes = typeof value === 'string' ? Buffer.from(padded(value, vr), 'latin1') : value;
    const long = vr === 'OW';
    const header = Buffer.alloc(long ? 12 : 8);
    header.writeUInt16LE(tag >>> 16, 0);
    header.writeUInt16LE(tag & 0xffff, 2);
    header.write(vr, 4, 'latin1');
    if (long) header.writeUInt32LE(bytes.length, 8);
    else header.writeUInt16LE(bytes.length, 6);
    parts.push(header, bytes);
  }
  return Buffer.concat(parts);
}

function padded(value: string, vr: string): string {
  return value.length % 2 === 0 ? value : value + (vr === 'UI' ? '\0' : ' ');
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >>> 8);
}

/** At most sixteen characters, PS3.5 table 6.2-1. */
function decimal(value: number): string {
  return value.toPrecision(8);
}

/** `2.25.` and 128 bits, PS3.5 B.2. */
function uid(...name: readonly (string | number)[]): string {
  const hash = createHash('sha256')
    .update(['radiotracer lab', ...name].join('|'))
    .digest('hex');
  return `2.25.${BigInt(`0x${hash.slice(0, 32)}`)}`;
}

/** CT numbers, in Hounsfield units. */
const air = -1000;
const bone = 900;
const brain = 35;
const fluid = 8;

/** One slice at `height` (0 to 1) of a head: skull, brain, two ventricles, and the noise of a scanner. */
function pixels(size: number, series: number, height: number): Uint8Array {
  const bytes = new Uint8Array(size * size * 2);
  // The head narrows upwards and downwards.
  const radius = 0.55 + 0.35 * Math.sin(Math.PI * height);
  const ventricle = 0.18 * Math.sin(Math.PI * height);
  let noise = (series * 0x9e37_79b9) ^ Math.round(height * 0x7fff_ffff) ^ 1;
  for (let row = 0, at = 0; row < size; row++) {
    const y = (2 * row) / size - 1;
    for (let column = 0; column < size; column++, at += 2) {
      const x = (2 * column) / size - 1;
      const distance = Math.hypot(x / (0.82 * radius), y / radius);
      const inVentricle = Math.hypot((Math.abs(x) - 0.13) / 0.5, y + 0.05) < ventricle;
      const hounsfield = distance > 1 ? air : distance > 0.91 ? bone : inVentricle ? fluid : brain;
      noise = Math.imul(noise ^ (noise >>> 15), 0x2c1b_3c6d) + 0x2979_1a4f;
      const value = Math.max(0, hounsfield + 1024 + ((noise >>> 24) & 0x0f) - 8);
      bytes[at] = value & 0xff;
      bytes[at + 1] = value >>> 8;
    }
  }
  return bytes;
}
