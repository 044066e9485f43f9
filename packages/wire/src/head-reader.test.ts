import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { deflateRawSync, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { HeadReader, type HeadReaderOptions, integerStringValue, readHeadOf, uidValue } from './index.ts';

const implicitLittle = '1.2.840.10008.1.2';
const explicitLittle = '1.2.840.10008.1.2.1';
const explicitBig = '1.2.840.10008.1.2.2';
const deflated = '1.2.840.10008.1.2.1.99';
const jpegBaseline = '1.2.840.10008.1.2.4.50';

const sopInstanceUid = 0x00080018;
const studyInstanceUid = 0x0020000d;
const pixelData = 0x7fe00010;

// A model of data sets, and a writer of it that shares nothing with the reader.

type Vr = 'UI' | 'LO' | 'US' | 'OB' | 'UN' | 'UT' | 'SQ';
interface Item {
  readonly undefinedLength: boolean;
  readonly elements: readonly Element[];
}
interface Element {
  readonly tag: number;
  readonly vr: Vr;
  readonly undefinedLength: boolean;
  readonly value: Uint8Array | readonly Item[];
}
interface Encoding {
  readonly explicitVr: boolean;
  readonly bigEndian: boolean;
}

function write(elements: readonly Element[], encoding: Encoding): Buffer {
  return Buffer.concat(elements.map((element) => writeElement(element, encoding)));
}

function writeElement({ tag, vr, undefinedLength, value }: Element, encoding: Encoding): Buffer {
  if (value instanceof Uint8Array) return Buffer.concat([header(tag, vr, value.length, encoding), value]);
  // What is in a UN of undefined length is implicit VR little endian (PS3.5 6.2.2).
  const inner = vr === 'UN' ? { explicitVr: false, bigEndian: false } : encoding;
  const items = value.map((item) => {
    const content = write(item.elements, inner);
    if (!item.undefinedLength) return Buffer.concat([delimiter(0xfffee000, content.length, inner), content]);
    return Buffer.concat([delimiter(0xfffee000, 0xffffffff, inner), content, delimiter(0xfffee00d, 0, inner)]);
  });
  const content = Buffer.concat(items);
  if (!undefinedLength) return Buffer.concat([header(tag, vr, content.length, encoding), content]);
  return Buffer.concat([header(tag, vr, 0xffffffff, encoding), content, delimiter(0xfffee0dd, 0, inner)]);
}

function header(tag: number, vr: Vr, lengthBytes: number, { explicitVr, bigEndian }: Encoding): Buffer {
  if (!explicitVr) return delimiter(tag, lengthBytes, { explicitVr, bigEndian });
  const short = vr === 'UI' || vr === 'LO' || vr === 'US';
  const bytes = Buffer.alloc(short ? 8 : 12);
  tagAt(bytes, tag, bigEndian);
  bytes.write(vr, 4, 'latin1');
  if (short) bigEndian ? bytes.writeUInt16BE(lengthBytes, 6) : bytes.writeUInt16LE(lengthBytes, 6);
  else bigEndian ? bytes.writeUInt32BE(lengthBytes, 8) : bytes.writeUInt32LE(lengthBytes, 8);
  return bytes;
}

function delimiter(tag: number, lengthBytes: number, { bigEndian }: Encoding): Buffer {
  const bytes = Buffer.alloc(8);
  tagAt(bytes, tag, bigEndian);
  bigEndian ? bytes.writeUInt32BE(lengthBytes, 4) : bytes.writeUInt32LE(lengthBytes, 4);
  return bytes;
}

function tagAt(bytes: Buffer, tag: number, bigEndian: boolean): void {
  if (bigEndian) bytes.writeUInt32BE(tag);
  else {
    bytes.writeUInt16LE(tag >>> 16);
    bytes.writeUInt16LE(tag & 0xffff, 2);
  }
}

const encodings: readonly { readonly uid: string; readonly encode: (elements: readonly Element[]) => Uint8Array }[] = [
  { uid: implicitLittle, encode: (elements) => write(elements, { explicitVr: false, bigEndian: false }) },
  { uid: explicitLittle, encode: (elements) => write(elements, { explicitVr: true, bigEndian: false }) },
  { uid: jpegBaseline, encode: (elements) => write(elements, { explicitVr: true, bigEndian: false }) },
  { uid: explicitBig, encode: (elements) => write(elements, { explicitVr: true, bigEndian: true }) },
  { uid: deflated, encode: (elements) => deflateRawSync(write(elements, { explicitVr: true, bigEndian: false })) },
];
const explicit = (elements: readonly Element[]) => write(elements, { explicitVr: true, bigEndian: false });

function element(tag: number, vr: Vr, value: Uint8Array | string | readonly Item[], undefinedLength = false): Element {
  return { tag, vr, undefinedLength, value: typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'latin1')) : value };
}

const tag = fc.oneof(fc.integer({ min: 0x00080000, max: 0x00090000 }), fc.integer({ min: 0x00090001, max: 0x54000101 }));
const plain = fc.tuple(tag, fc.constantFrom<Vr>('UI', 'LO', 'US', 'OB', 'UN', 'UT'), fc.uint8Array({ maxLength: 40 }));
const plainElement = plain.map(([at, vr, value]) => element(at, vr, value));
const { elements: someElements } = fc.letrec<{ sequence: Element; elements: Element[] }>((tie) => ({
  sequence: fc
    .tuple(
      tag,
      fc.constantFrom<Vr>('SQ', 'UN'),
      fc.boolean(),
      fc.array(fc.record({ undefinedLength: fc.boolean(), elements: tie('elements') }), { maxLength: 3 }),
    )
    .map(([at, vr, undefinedLength, items]) => element(at, vr, items, undefinedLength)),
  elements: fc
    .uniqueArray(fc.oneof({ depthSize: 'small', withCrossShrink: true }, plainElement, tie('sequence')), {
      selector: (each) => each.tag,
      maxLength: 6,
    })
    .map((elements) => elements.sort((one, other) => one.tag - other.tag)),
}));
const dataSet = someElements.map((elements) => [...elements, element(pixelData, 'OB', new Uint8Array(50))]);
const encoding = fc.constantFrom(...encodings);
const cuts = fc.array(fc.nat(), { maxLength: 10 });

interface Reading {
  readonly values: ReadonlyMap<number, Uint8Array>;
  readonly outcome: string;
  readonly done: boolean;
}

/** Reads the bytes cut at these offsets. Each piece is wiped once pushed: the reader must not have kept it. */
function read(bytes: Uint8Array, offsets: Iterable<number>, options: HeadReaderOptions): Reading {
  const reader = new HeadReader(options);
  let from = 0;
  for (const to of [...offsets, bytes.length]) {
    const piece = Uint8Array.from(bytes.subarray(from, to));
    reader.push(piece);
    piece.fill(0xee);
    from = to;
  }
  return { values: reader.values, outcome: reader.outcome, done: reader.done };
}

function* every(stride: number, length: number): Iterable<number> {
  for (let at = stride; at < length; at += stride) yield at;
}

function ascending(offsets: readonly number[], length: number): number[] {
  return offsets.map((offset) => offset % (length + 1)).sort((one, other) => one - other);
}

describe('head reader', () => {
  test('keeps the wanted top-level values of any data set in any encoding, and no other', () => {
    fc.assert(
      fc.property(dataSet, encoding, fc.array(fc.tuple(fc.nat(), fc.boolean())), cuts, (all, { uid, encode }, picks, offsets) => {
        // A sequence of defined length is bytes to who reads implicit VR; all else may be asked for.
        const askable = all.filter((each) => each.value instanceof Uint8Array || each.undefinedLength);
        const wanted = new Set<number>();
        for (const [pick, present] of picks) {
          const some = askable[pick % askable.length];
          if (present && some) wanted.add(some.tag);
          else wanted.add(pick);
        }
        wanted.delete(pixelData);
        for (const { tag: at } of all) if (!askable.some((each) => each.tag === at)) wanted.delete(at);
        const expected = new Map<number, Uint8Array>();
        for (const each of askable) if (each.value instanceof Uint8Array && wanted.has(each.tag)) expected.set(each.tag, each.value);
        const bytes = encode(all);
        const reading = read(bytes, ascending(offsets, bytes.length), { transferSyntaxUid: uid, wanted });
        assert.deepEqual(reading, { values: expected, outcome: 'complete', done: true });
      }),
      { numRuns: 1000 },
    );
  });

  test('every cut, of damaged and truncated data sets too, reads the same and never throws', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 });
    fc.assert(
      fc.property(dataSet, encoding, changes, cuts, fc.nat(), (all, { uid, encode }, mutation, offsets, length) => {
        const bytes = Uint8Array.from(encode(all));
        for (const [at, value] of mutation) bytes[at % bytes.length] = value;
        const truncated = bytes.subarray(0, mutation.length % 2 === 0 ? bytes.length : length % (bytes.length + 1));
        const options = {
          transferSyntaxUid: uid,
          wanted: [...all.map((each) => each.tag), 0x54010101],
          maxValueBytes: 30,
          maxHeadBytes: 5000,
          maxDepth: 6,
        };
        const whole = read(truncated, [], options);
        assert.deepEqual(read(truncated, ascending(offsets, truncated.length), options), whole);
        assert.deepEqual(read(truncated, every(1, truncated.length), options), whole);
        for (const value of whole.values.values()) assert.ok(value.length <= 30);
      }),
      { numRuns: 1000 },
    );
  });

  test('random bytes end somehow', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), encoding, (bytes, { uid }) => {
        const { outcome, values } = read(bytes, [], { transferSyntaxUid: uid, wanted: [studyInstanceUid] });
        assert.ok(['reading', 'complete', 'unreadable', 'limit'].includes(outcome));
        assert.ok(values.size <= 1);
      }),
    );
  });

  test('is done with the last wanted value, before anything comes after it', () => {
    const bytes = explicit([element(sopInstanceUid, 'UI', '1.2\0'), element(studyInstanceUid, 'UI', '1.3\0')]);
    const reader = new HeadReader({ transferSyntaxUid: explicitLittle, wanted: [sopInstanceUid, studyInstanceUid] });
    reader.push(bytes.subarray(0, -1));
    assert.equal(reader.done, false);
    reader.push(bytes.subarray(-1));
    assert.equal(reader.outcome, 'complete');
    assert.equal(reader.done, true);
    assert.deepEqual([...reader.values.values()].map(uidValue), ['1.2', '1.3']);
  });

  test('of a repeated tag the first value is kept, of a sequence nothing', () => {
    const bytes = explicit([
      element(sopInstanceUid, 'UI', '1.2\0'),
      element(sopInstanceUid, 'UI', '1.9\0'),
      element(0x00081140, 'SQ', [{ undefinedLength: false, elements: [element(studyInstanceUid, 'UI', '1.4\0')] }]),
      element(studyInstanceUid, 'UI', '1.3\0'),
    ]);
    const { values } = readHeadOf(bytes, {
      transferSyntaxUid: explicitLittle,
      wanted: new Set([sopInstanceUid, 0x00081140, studyInstanceUid]),
    });
    assert.deepEqual([...values.values()].map(uidValue), ['1.2', '1.3']);
  });

  test('a data set that ends early leaves it reading; pixel data ends it', () => {
    const early = [element(sopInstanceUid, 'UI', '1.2\0')];
    const options = { transferSyntaxUid: explicitLittle, wanted: [studyInstanceUid, 0xffff0000] };
    assert.equal(readHeadOf(explicit(early), options).outcome, 'reading');
    assert.equal(readHeadOf(explicit([...early, element(pixelData, 'OB', [], true)]), options).outcome, 'complete');
    assert.equal(readHeadOf(new Uint8Array(0), { transferSyntaxUid: explicitLittle, wanted: [] }).done, true);
  });

  test('D11: a value that is too long is stepped over, a 1 GiB one at no cost of memory', () => {
    const reader = new HeadReader({ transferSyntaxUid: explicitLittle, wanted: [0x00091001, studyInstanceUid], maxHeadBytes: 2 ** 31 });
    const piece = new Uint8Array(1024 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    reader.push(header(0x00091001, 'OB', 1024 * piece.length, { explicitVr: true, bigEndian: false }));
    for (let count = 0; count < 1024; count += 1) reader.push(piece);
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * piece.length);
    reader.push(explicit([element(studyInstanceUid, 'UI', '1.3\0')]));
    assert.deepEqual(
      [...reader.values].map(([at, value]) => [at, uidValue(value)]),
      [[studyInstanceUid, '1.3']],
    );
  });

  test('D11: nested sequences without end, and 100,000 deep ones, end at the limit of depth', () => {
    const nested = Buffer.concat([
      header(0x00081140, 'SQ', 0xffffffff, { explicitVr: true, bigEndian: false }),
      delimiter(0xfffee000, 0xffffffff, { explicitVr: true, bigEndian: false }),
    ]);
    const bytes = Buffer.concat([explicit([element(sopInstanceUid, 'UI', '1.2\0')]), ...Array<Buffer>(100_000).fill(nested)]);
    const reader = readHeadOf(bytes, { transferSyntaxUid: explicitLittle, wanted: [sopInstanceUid, studyInstanceUid] });
    assert.equal(reader.outcome, 'limit');
    assert.equal(reader.values.size, 1);
    const atLimit = Buffer.concat([nested, nested]);
    const options = { transferSyntaxUid: explicitLittle, wanted: [studyInstanceUid] };
    assert.equal(readHeadOf(atLimit, { ...options, maxDepth: 4 }).outcome, 'reading');
    assert.equal(readHeadOf(atLimit, { ...options, maxDepth: 3 }).outcome, 'limit');
  });

  test('the limit of the head counts what is stepped over', () => {
    const bytes = explicit([element(0x00091001, 'OB', new Uint8Array(100)), element(studyInstanceUid, 'UI', '1.3\0')]);
    const options = { transferSyntaxUid: explicitLittle, wanted: [studyInstanceUid] };
    assert.equal(readHeadOf(bytes, { ...options, maxHeadBytes: bytes.length }).outcome, 'complete');
    assert.equal(readHeadOf(bytes, { ...options, maxHeadBytes: bytes.length - 1 }).outcome, 'limit');
    assert.equal(readHeadOf(bytes, { ...options, maxHeadBytes: 111 }).outcome, 'limit');
  });

  test('D10: a zip bomb gives the head in front of it and ends at the limit', () => {
    const bomb = (bytes: number) => [
      element(sopInstanceUid, 'UI', '1.2\0'),
      element(0x00091001, 'OB', new Uint8Array(bytes)),
      element(studyInstanceUid, 'UI', '1.3\0'),
    ];
    const options = { transferSyntaxUid: deflated, wanted: [sopInstanceUid, studyInstanceUid], maxHeadBytes: 2 ** 31 };
    for (const inflatedBytes of [2 * 1024 * 1024, 64 * 1024 * 1024]) {
      const bytes = deflateRawSync(explicit(bomb(inflatedBytes)));
      const before = process.memoryUsage().arrayBuffers;
      const reader = readHeadOf(bytes, options);
      assert.equal(reader.outcome, 'limit');
      assert.deepEqual([...reader.values.keys()], [sopInstanceUid]);
      assert.ok(process.memoryUsage().arrayBuffers - before < 24 * 1024 * 1024);
    }
    // The same shape, small enough: it is read through.
    assert.equal(readHeadOf(deflateRawSync(explicit(bomb(500_000))), options).outcome, 'complete');
  });

  test('a deflated head longer than the window of compressed bytes ends at the limit', () => {
    let seed = 1;
    const noise = Uint8Array.from({ length: 100_000 }, () => {
      seed = (seed * 48271) % 0x7fffffff;
      return seed;
    });
    const bytes = deflateRawSync(explicit([element(0x00091001, 'OB', noise), element(studyInstanceUid, 'UI', '1.3\0')]));
    assert.equal(readHeadOf(bytes, { transferSyntaxUid: deflated, wanted: [studyInstanceUid] }).outcome, 'limit');
  });

  test('D11: a data set in another encoding than was negotiated is read by what its first element shows', () => {
    const elements = [element(sopInstanceUid, 'UI', '1.2\0'), element(studyInstanceUid, 'UI', '1.3\0')];
    const implicit = write(elements, { explicitVr: false, bigEndian: false });
    for (const [bytes, uid] of [
      [implicit, explicitLittle],
      [explicit(elements), implicitLittle],
      [deflateSync(explicit(elements)), deflated],
      [implicit, '1.2.840.113619.5.2'],
      [explicit(elements), '1.2.3.4.private'],
      [write(elements, { explicitVr: true, bigEndian: true }), `${explicitBig}\0`],
    ] as const) {
      const { values } = readHeadOf(bytes, { transferSyntaxUid: uid, wanted: [sopInstanceUid, studyInstanceUid] });
      assert.deepEqual([...values.values()].map(uidValue), ['1.2', '1.3'], uid);
    }
  });

  test('D11: stray delimiters, an unknown VR and a VR that is none are stepped over; an item outside a sequence is damage', () => {
    const encodingOf = { explicitVr: true, bigEndian: false };
    const futureVr = Buffer.from([9, 0, 1, 0x10, ...Buffer.from('ZZ'), 0, 0, 2, 0, 0, 0, 7, 7]);
    const noVr = Buffer.from([9, 0, 2, 0x10, 2, 0, 0, 0, 7, 7]);
    const start = explicit([element(sopInstanceUid, 'UI', '1.2\0')]);
    const end = explicit([element(studyInstanceUid, 'UI', '1.3\0')]);
    const options = { transferSyntaxUid: explicitLittle, wanted: [studyInstanceUid] };
    for (const middle of [futureVr, noVr, delimiter(0xfffee00d, 0, encodingOf), delimiter(0xfffee0dd, 0, encodingOf)]) {
      const reader = readHeadOf(Buffer.concat([start, middle, end]), options);
      assert.deepEqual([reader.values.size, reader.outcome], [1, 'complete']);
      const beyond = readHeadOf(Buffer.concat([start, middle, explicit([element(pixelData, 'OB', '')])]), options);
      assert.deepEqual([beyond.values.size, beyond.outcome], [0, 'complete']);
    }
    const item = delimiter(0xfffee000, 0, encodingOf);
    assert.equal(readHeadOf(Buffer.concat([start, item, end]), options).outcome, 'unreadable');
    const nonsense = Buffer.from([9, 0, 2, 0x10, 1, 2, 0xff, 0x7f, 7, 7]);
    assert.equal(readHeadOf(Buffer.concat([start, nonsense, end]), options).outcome, 'unreadable');
  });
});

describe('head reader on files', () => {
  const folder = new URL('../../../../shared/data/', import.meta.url);
  const wherePresent = existsSync(folder) ? test : test.skip;
  const tags = { sop_instance_uid: sopInstanceUid, study_uid: studyInstanceUid, series_uid: 0x0020000e, instance_number: 0x00200013 };
  /** To the last tag that tells how many instances there should be. */
  const wanted = [...Object.values(tags), 0x00080005, 0x00280008, 0x00540081, 0x00540101];

  wherePresent('every file of the manifest, whole and in pieces, agrees with the manifest (../shared)', () => {
    const [names = [], ...rows] = readFileSync(new URL('MANIFEST.tsv', folder), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    let compared = 0;
    for (const row of rows) {
      const file = new Map(names.map((name, index) => [name, row[index] ?? '']));
      const path = file.get('path') ?? '';
      const { bytes, transferSyntaxUid } = withoutMeta(readFileSync(new URL(path, folder)), file.get('transfer_syntax_uid') ?? '');
      const options = { transferSyntaxUid, wanted };
      const whole = read(bytes, [], options);
      const head = bytes.subarray(0, 20_000);
      assert.deepEqual(read(head, every(1, head.length), options), read(head, [], options), path);
      assert.deepEqual(read(bytes, every(1021, bytes.length), options), whole, path);
      if (file.get('transfer_syntax_uid') === '') continue;
      for (const [name, at] of Object.entries(tags)) {
        const expected = file.get(name) ?? '';
        const value = whole.values.get(at);
        if (expected === '') continue;
        compared += 1;
        const found = value && (name === 'instance_number' ? String(integerStringValue(value)) : uidValue(value));
        assert.equal(found, name === 'instance_number' ? String(Number(expected)) : expected, `${path} ${name}`);
      }
      assert.notEqual(whole.outcome, 'unreadable', path);
      if (!path.includes('/bad/')) assert.notEqual(whole.outcome, 'limit', path);
    }
    assert.ok(compared > 1500);
  });

  /** A Part 10 file's data set (PS3.10 7.1) and its transfer syntax. */
  function withoutMeta(file: Buffer, declaredUid: string): { bytes: Uint8Array; transferSyntaxUid: string } {
    if (file.toString('latin1', 128, 132) !== 'DICM') return { bytes: file, transferSyntaxUid: declaredUid || implicitLittle };
    let at = 132;
    let transferSyntaxUid = declaredUid;
    while (at + 8 <= file.length && file.readUInt16LE(at) === 2) {
      const long = ['OB', 'OW', 'UN', 'UT', 'SQ'].includes(file.toString('latin1', at + 4, at + 6));
      const start = at + (long ? 12 : 8);
      const end = start + (long ? file.readUInt32LE(at + 8) : file.readUInt16LE(at + 6));
      if (file.readUInt16LE(at + 2) === 0x10) transferSyntaxUid = uidValue(file.subarray(start, end));
      at = end;
    }
    return { bytes: file.subarray(at), transferSyntaxUid: transferSyntaxUid || explicitLittle };
  }
});
