import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { decodePdu, encodePdu, PduReader, type PduReaderLimits, type PduSink, pdataHeader, WireError } from './index.ts';

/**
 * What a reader tells of one stream, fragments joined, so that the same stream cut otherwise compares equal. Holds the reader to
 * its word on copies: fragments are ranges of the stream itself, what is the callee's to keep is not.
 */
class Recorder implements PduSink {
  readonly told: string[] = [];
  readonly pdus: Uint8Array[] = [];
  readonly #stream: Uint8Array;
  readonly #tell: (() => void) | undefined;
  #fragmentBytes = 0;
  #fragmentEnd = -1;

  constructor(stream: Uint8Array, tell?: () => void) {
    this.#stream = stream;
    this.#tell = tell;
  }

  pdu(type: number, pdu: Uint8Array): void {
    assert.notEqual(pdu.buffer, this.#stream.buffer);
    this.pdus.push(pdu);
    this.#add(`pdu ${type} ${Buffer.from(pdu).toString('latin1')}`);
  }

  pdata(buffer: Uint8Array, start: number, end: number, lengthBytes: number): void {
    this.#add(`pdata ${this.#header(buffer, start, end)} ${lengthBytes}`);
  }

  pdv(buffer: Uint8Array, start: number, end: number, contextId: number, control: number, fragmentBytes: number, remaining: number): void {
    this.#fragmentBytes = 0;
    this.#fragmentEnd = -1;
    this.#add(`pdv ${this.#header(buffer, start, end)} ${contextId} ${control} ${fragmentBytes} ${remaining}`);
  }

  fragment(buffer: Uint8Array, start: number, end: number): void {
    assert.equal(buffer.buffer, this.#stream.buffer);
    assert.ok(start < end && end <= buffer.length);
    const at = buffer.byteOffset - this.#stream.byteOffset + start;
    if (this.#fragmentEnd >= 0) assert.equal(at, this.#fragmentEnd);
    this.#fragmentEnd = at + end - start;
    this.#fragmentBytes += end - start;
  }

  pdvEnd(): void {
    this.#add(`pdvEnd ${this.#fragmentEnd} ${this.#fragmentBytes}`);
  }

  pdataEnd(): void {
    this.#add('pdataEnd');
  }

  #header(buffer: Uint8Array, start: number, end: number): string {
    return Buffer.from(buffer.subarray(start, end)).toString('hex');
  }

  #add(event: string): void {
    this.told.push(event);
    this.#tell?.();
  }
}

interface Reading {
  readonly told: readonly string[];
  readonly pdus: readonly Uint8Array[];
  /** The code of the error that ended it. */
  readonly error: string | undefined;
  readonly midPdu: boolean;
}

/** Reads the stream cut at these ascending offsets. The memory held never exceeds twice what has been pushed. */
function read(stream: Uint8Array, cuts: Iterable<number>, limits: PduReaderLimits = {}): Reading {
  const reader = new PduReader(limits);
  const recorder = new Recorder(stream);
  let error: string | undefined;
  let from = 0;
  try {
    for (const to of [...cuts, stream.length]) {
      reader.push(stream.subarray(from, to), recorder);
      assert.ok(reader.heldBytes <= 2 * to + 6, `${reader.heldBytes} bytes held after ${to}`);
      from = to;
    }
  } catch (thrown) {
    if (!(thrown instanceof WireError)) throw thrown;
    error = thrown.code;
  }
  return { told: recorder.told, pdus: recorder.pdus, error, midPdu: reader.midPdu };
}

function same(one: Reading, other: Reading, where: string): void {
  assert.equal(one.error, other.error, where);
  assert.equal(one.told.join('\n'), other.told.join('\n'), where);
  if (one.error === undefined) assert.equal(one.midPdu, other.midPdu, where);
}

const byte = fc.nat({ max: 255 });
const short = fc.constantFrom(3, 5, 6, 7).chain((type) => fc.uint8Array({ maxLength: 9 }).map((value) => framed(type, value)));
const associate = fc.constantFrom(1, 2).chain((type) => fc.uint8Array({ maxLength: 200 }).map((value) => framed(type, value)));
const pdv = fc.record({ contextId: byte, control: byte, fragment: fc.uint8Array({ maxLength: 30 }) });
const pdata = fc.array(pdv, { minLength: 1, maxLength: 5 }).map((pdvs) => encodePdu({ kind: 'P-DATA-TF', pdvs }));
const streams = fc
  .tuple(fc.array(fc.oneof(short, associate, pdata, pdata), { maxLength: 6 }), fc.nat({ max: 11 }))
  // Some end in the middle of a PDU.
  .map(([pdus, cut]) => Uint8Array.from(Buffer.concat(pdus)).subarray(0, Math.max(0, Buffer.concat(pdus).length - cut)));

function framed(type: number, value: Uint8Array): Uint8Array {
  return encodePdu({ kind: 'unknown', type, value });
}

function mutated(stream: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array {
  const copy = stream.slice();
  for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
  return copy;
}

function cutsOf(offsets: readonly number[], length: number): number[] {
  return offsets.map((offset) => offset % (length + 1)).sort((one, other) => one - other);
}

function* everyByte(length: number): Iterable<number> {
  for (let at = 1; at < length; at += 1) yield at;
}

describe('PDU reader', () => {
  test('tells what was encoded, PDU for PDU', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(short, associate, pdata), { maxLength: 8 }), (pdus) => {
        const stream = Uint8Array.from(Buffer.concat(pdus));
        const { told, midPdu } = read(stream, []);
        const expected = pdus.flatMap((pdu) => {
          if (pdu[0] !== 4) return [`pdu ${pdu[0]} ${Buffer.from(pdu).toString('latin1')}`];
          const value = decodePdu(pdu);
          assert.ok(value.kind === 'P-DATA-TF');
          return [
            'pdata',
            ...value.pdvs.flatMap((each) => [`pdv ${each.contextId} ${each.control} ${each.fragment.length}`, 'pdvEnd']),
            'pdataEnd',
          ];
        });
        // Header bytes and ranges are compared cut against whole, below; here the fields.
        const fields = told.map((event) => event.replace(/^(pdata|pdvEnd) .*$/s, '$1').replace(/^pdv \w+ (\d+ \d+ \d+) \d+$/, 'pdv $1'));
        assert.deepEqual(fields, expected);
        assert.equal(midPdu, false);
      }),
    );
  });

  test('every cut of a generated stream, and byte by byte, tells the same', () => {
    fc.assert(
      fc.property(streams, fc.array(fc.nat(), { maxLength: 12 }), (stream, offsets) => {
        const whole = read(stream, []);
        same(read(stream, everyByte(stream.length)), whole, 'byte by byte');
        same(read(stream, cutsOf(offsets, stream.length)), whole, `cut at ${cutsOf(offsets, stream.length)}`);
        for (let at = 0; at <= stream.length; at += 1) same(read(stream, [at]), whole, `cut at ${at}`);
      }),
      { numRuns: 60 },
    );
  });

  test('a mutated stream tells the same however it is cut, throws WireErrors only and holds no more than it got', () => {
    const changes = fc.array(fc.tuple(fc.nat(), byte), { minLength: 1, maxLength: 4 });
    const limits = { maxAssociatePduBytes: 4096, maxPdataPduBytes: 1_000_000 };
    fc.assert(
      fc.property(streams, changes, fc.array(fc.nat(), { maxLength: 12 }), (stream, mutation, offsets) => {
        const bad = mutated(stream, mutation);
        const whole = read(bad, [], limits);
        same(read(bad, cutsOf(offsets, bad.length), limits), whole, 'cut');
        same(read(bad, everyByte(bad.length), limits), whole, 'byte by byte');
        for (const pdu of whole.pdus) {
          try {
            decodePdu(pdu);
          } catch (error) {
            assert.ok(error instanceof WireError, String(error));
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('stop from inside any callback is the end of what is told', () => {
    fc.assert(
      fc.property(streams, fc.nat({ max: 20 }), fc.array(fc.nat(), { maxLength: 6 }), (stream, stopAfter, offsets) => {
        const whole = read(stream, []);
        const reader = new PduReader();
        const recorder: Recorder = new Recorder(stream, () => {
          if (recorder.told.length === stopAfter) reader.stop();
        });
        let from = 0;
        for (const to of [...cutsOf(offsets, stream.length), stream.length]) {
          reader.push(stream.subarray(from, to), recorder);
          from = to;
        }
        assert.deepEqual(recorder.told, stopAfter === 0 ? whole.told : whole.told.slice(0, stopAfter));
      }),
    );
  });

  test("a header cut by the stream is the callee's to keep", () => {
    const stream = Uint8Array.from(
      Buffer.concat([
        encodePdu({ kind: 'P-DATA-TF', pdvs: [{ contextId: 1, control: 3, fragment: Uint8Array.of(9) }] }),
        encodePdu({ kind: 'P-DATA-TF', pdvs: [{ contextId: 5, control: 2, fragment: Uint8Array.of(8) }] }),
      ]),
    );
    const kept: Uint8Array[] = [];
    const keep = (buffer: Uint8Array, start: number, end: number) => kept.push(buffer.subarray(start, end));
    const nothing = () => undefined;
    const reader = new PduReader();
    for (const each of stream) {
      reader.push(Uint8Array.of(each), { pdu: nothing, pdata: keep, pdv: keep, fragment: keep, pdvEnd: nothing, pdataEnd: nothing });
    }
    assert.deepEqual(new Uint8Array(Buffer.concat(kept)), stream);
  });

  test('B6: what cannot be is refused at its header, before anything is held', () => {
    const cases: readonly [string, readonly number[], string, number][] = [
      ['HTTP', [...Buffer.from('GET / ')], 'pdu-type-unrecognized', 1],
      ['TLS', [0x16, 3, 1, 2, 0, 1], 'pdu-type-unrecognized', 1],
      ['a 4 GiB A-ASSOCIATE-RQ', [1, 0, 255, 255, 255, 255], 'pdu-too-long', 6],
      ['an A-ASSOCIATE-AC one byte too long', [2, 0, 0, 0x10, 0, 1], 'pdu-too-long', 6],
      ['a 2 KiB A-ABORT', [7, 0, 0, 0, 8, 0], 'pdu-too-long', 6],
      ['a 4 GiB P-DATA-TF', [4, 0, 255, 255, 255, 255], 'pdu-too-long', 6],
      ['a P-DATA-TF without a PDV', [4, 0, 0, 0, 0, 0], 'pdv-malformed', 6],
      ['a P-DATA-TF of 5 bytes', [4, 0, 0, 0, 0, 5], 'pdv-malformed', 6],
    ];
    for (const [name, header, code, abortReason] of cases) {
      const stream = Uint8Array.from(header);
      const reader = new PduReader();
      const recorder = new Recorder(stream);
      assert.throws(() => reader.push(stream, recorder), { name: 'WireError', code, abortReason }, name);
      assert.equal(reader.heldBytes, 0, name);
      reader.push(framed(5, new Uint8Array(4)), recorder);
      assert.deepEqual(recorder.told, [], name);
    }
    const allowed = new PduReader();
    allowed.push(Uint8Array.of(2, 0, 0, 0x10, 0, 0), new Recorder(new Uint8Array(0)));
    assert.equal(allowed.midPdu, true);
    assert.ok(allowed.heldBytes < 64);
  });

  test('A6: a PDV that does not fit its P-DATA-TF is refused at its header', () => {
    for (const [pduBytes, pdvBytes] of [
      [8, 0],
      [8, 1],
      [8, 5],
      [8, 0xffffffff],
      [12, 4],
      [11, 2],
    ] as const) {
      const stream = new Uint8Array(12);
      const view = new DataView(stream.buffer);
      view.setUint8(0, 4);
      view.setUint32(2, pduBytes);
      view.setUint32(6, pdvBytes);
      const { told, error } = read(stream, []);
      assert.equal(error, 'pdv-malformed', `${pdvBytes} in ${pduBytes}`);
      assert.equal(told.length, 1);
    }
  });

  test('a P-DATA-TF header of our own is read as it was meant', () => {
    fc.assert(
      fc.property(byte, byte, fc.nat({ max: 70_000 }), (contextId, control, fragmentBytes) => {
        const stream = new Uint8Array(12 + fragmentBytes);
        stream.set(pdataHeader(contextId, control, fragmentBytes));
        const { told, error, midPdu } = read(stream, []);
        assert.equal(error, undefined);
        assert.equal(midPdu, false);
        assert.equal(told.length, 4);
        assert.match(told[1] ?? '', new RegExp(`^pdv \\w+ ${contextId} ${control} ${fragmentBytes} 0$`));
      }),
    );
  });
});

describe('sample streams', () => {
  const folder = new URL('../../../../shared/data/', import.meta.url);
  const wherePresent = existsSync(folder) ? test : test.skip;

  const lines = (name: string) =>
    readFileSync(new URL(name, folder), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  /** Every cut of a short stream; of a long one every cut near a border of PDUs and some in between. */
  function cutEverywhere(stream: Uint8Array, borders: readonly number[], name: string): void {
    const whole = read(stream, []);
    same(read(stream, everyByte(stream.length)), whole, `${name} byte by byte`);
    const cuts = new Set<number>();
    for (let at = 0; at <= stream.length; at += stream.length <= 40_000 ? 1 : 997) cuts.add(at);
    for (const border of borders) for (let at = border - 4; at <= border + 14; at += 1) if (at >= 0 && at <= stream.length) cuts.add(at);
    for (const at of cuts) same(read(stream, [at]), whole, `${name} cut at ${at}`);
  }

  wherePresent('every PDU sample, cut everywhere (../shared)', () => {
    for (const sample of lines('pdus.jsonl')) {
      if (sample.kind === 'pdv-fragment' || sample.kind.startsWith('item:')) continue;
      cutEverywhere(Uint8Array.from(Buffer.from(sample.hex, 'hex')), [0], sample.name);
    }
  });

  wherePresent('every direction of every recorded conversation, cut everywhere (../shared)', () => {
    let pdus = 0;
    for (const conversation of lines('conversations.jsonl')) {
      for (const direction of ['initiator>acceptor', 'acceptor>initiator']) {
        const parts: Buffer[] = conversation.events
          .filter((event: { dir: string; hex?: string }) => event.dir === direction && event.hex !== undefined)
          .map((event: { hex: string }) => Buffer.from(event.hex, 'hex'));
        const borders: number[] = [0];
        for (const part of parts) borders.push((borders.at(-1) ?? 0) + part.length);
        cutEverywhere(Uint8Array.from(Buffer.concat(parts)), borders, `${conversation.name} ${direction}`);
        pdus += parts.length;
      }
    }
    assert.ok(pdus > 100);
  });
});
