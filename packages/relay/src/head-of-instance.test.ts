import fc from 'fast-check';
import { InstanceHeadReader } from './head-of-instance.ts';

type Value = string | number;

/** Explicit VR little endian, but for what has the tag of an item. */
function dataSet(elements: readonly (readonly [tag: number, vr: string, value: Value])[]): Buffer {
  return Buffer.concat(
    elements.map(([tag, vr, value]) => {
      const text = typeof value === 'number' ? Buffer.from([value & 0xff, value >>> 8]) : Buffer.from(value, 'latin1');
      const padded = text.length % 2 === 0 ? text : Buffer.concat([text, Buffer.from(vr === 'UI' ? '\0' : ' ')]);
      const header = Buffer.alloc(8);
      header.writeUInt16LE(tag >>> 16, 0);
      header.writeUInt16LE(tag & 0xffff, 2);
      header.write(vr, 4, 'latin1');
      header.writeUInt16LE(padded.length, 6);
      return Buffer.concat([header, padded]);
    }),
  );
}

function head(bytes: Buffer, cuts: readonly number[] = []) {
  const reader = new InstanceHeadReader('1.2.840.10008.1.2.1');
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  for (const [index, start] of [0, ...places].entries()) reader.push(bytes.subarray(start, places[index] ?? bytes.length));
  return reader;
}

const pet = dataSet([
  [0x00080020, 'DA', '20260105'],
  [0x00080030, 'TM', '0800'],
  [0x00080050, 'SH', 'A1'],
  [0x00080060, 'CS', 'PT'],
  [0x00081010, 'SH', 'ROOM 1'],
  [0x00100020, 'LO', ' 4711'],
  [0x0020000d, 'UI', '1.2.3'],
  [0x00200013, 'IS', '12'],
  [0x00209161, 'UI', '1.2.9'],
  [0x00209163, 'US', 3],
  [0x00280008, 'IS', '1'],
  [0x00540081, 'US', 47],
  [0x00540101, 'US', 2],
  [0x7fe00010, 'OB', ''],
]);

it('reads where an instance belongs, however it was cut; the Patient ID only through the caller’s hash', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 6 }), (cuts) => {
      const reader = head(pet, cuts);
      const { place } = reader.head();
      expect(place).toMatchObject({
        accessionNumber: 'A1',
        instanceNumber: 12,
        concatenationUid: '1.2.9',
        inConcatenationTotalNumber: 3,
        numberOfSlices: 47,
        numberOfTimeSlices: 2,
        numberOfTimeSlots: undefined,
        cutShort: false,
      });
      expect(place?.patientKey((bytes) => Buffer.from(bytes).toString('latin1'))).toBe('4711');
      const identifiers = { studyDate: '20260105', studyTime: '0800', accessionNumber: 'A1', stationName: 'ROOM 1' };
      expect(reader.head().identifiers).toEqual(identifiers);
      expect(JSON.stringify({ head: reader.head(), place })).not.toContain('4711');
    }),
  );
});

it('steps over a value that is longer than any of its kind', () => {
  const patientIdOf = (length: number) => {
    const bytes = dataSet([
      [0x00100020, 'LO', 'x'.repeat(length)],
      [0x0020000d, 'UI', '1.2.3'],
    ]);
    const { studyInstanceUid, place } = head(bytes).head();
    return [studyInstanceUid, place?.patientKey((kept) => String(kept.length))];
  };
  expect([patientIdOf(512), patientIdOf(514)]).toEqual([
    ['1.2.3', '512'],
    ['1.2.3', undefined],
  ]);
});

it('goes as far as group 0054 for PET alone', () => {
  const beginsLater = dataSet([
    [0x00080060, 'CS', 'CT'],
    [0x00281050, 'DS', '64'],
  ]);
  expect(head(beginsLater).done).toBe(true);
  expect(
    head(
      dataSet([
        [0x00080060, 'CS', 'PT'],
        [0x00281050, 'DS', '64'],
      ]),
    ).done,
  ).toBe(false);
});

it('sees that a data set ended inside its head, and only then', () => {
  const begins = dataSet([
    [0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.88.11'],
    [0x00080060, 'CS', 'SR'],
    [0x0020000d, 'UI', '1.2.3'],
  ]);
  const borders = [0, 8 + 30, 8 + 30 + 10, begins.length];
  for (let at = 0; at <= begins.length; at += 1) {
    expect([at, head(begins.subarray(0, at)).head().place?.cutShort]).toEqual([at, !borders.includes(at)]);
  }
});

describe('a data set that is shorter than its pixel data', () => {
  const image = (photometric = 'MONOCHROME2', samples = 1) =>
    dataSet([
      [0x00080060, 'CS', 'CT'],
      [0x00280002, 'US', samples],
      [0x00280004, 'CS', photometric],
      [0x00280008, 'IS', '2'],
      [0x00280010, 'US', 3],
      [0x00280011, 'US', 5],
      [0x00280100, 'US', 16],
      [0x7fe00010, 'OW', ''],
    ]);
  const cutShort = (bytes: Buffer, pixelBytes: number, transferSyntaxUid: string) => {
    const reader = new InstanceHeadReader(transferSyntaxUid);
    reader.push(bytes);
    // Past its head nothing is read any more.
    return reader.head(bytes.length + pixelBytes).place?.cutShort;
  };
  const explicitVr = '1.2.840.10008.1.2.1';

  it('is known for it where they are not compressed, and nowhere else', () => {
    expect([60, 59, 0].map((pixelBytes) => cutShort(image(), pixelBytes - 8, explicitVr))).toEqual([false, true, true]);
    expect(cutShort(image(), 0, '1.2.840.10008.1.2.4.50')).toBe(false);
    // Luminance 2 × 3 × 5 of 16 bits, and half as many of each chrominance.
    expect(cutShort(image('YBR_FULL_422', 3), 120, explicitVr)).toBe(false);
    expect(cutShort(pet, 0, explicitVr)).toBe(false);
  });
});
