import { PduReader, PdvControl } from '@radiotracer/wire';
import fc from 'fast-check';
import { PduRecutter } from './pdu-recutter.ts';

interface Pdv {
  readonly contextId: number;
  readonly control: number;
  readonly fragment: Uint8Array;
}

/** One P-DATA-TF of these PDVs (PS3.8 9.3.5). */
function pdataTf(pdvs: readonly Pdv[]): Buffer {
  const items = pdvs.map(({ contextId, control, fragment }) => {
    const header = Buffer.alloc(6);
    header.writeUInt32BE(fragment.length + 2, 0);
    header.set([contextId, control], 4);
    return Buffer.concat([header, fragment]);
  });
  const header = Buffer.alloc(6);
  header[0] = 4;
  header.writeUInt32BE(
    items.reduce((bytes, item) => bytes + item.length, 0),
    2,
  );
  return Buffer.concat([header, ...items]);
}

/** The P-DATA-TFs of a stream, by the reader. */
function readPdus(stream: Uint8Array): { readonly lengthBytes: number; readonly pdvs: Pdv[] }[] {
  const pdus: { lengthBytes: number; pdvs: Pdv[] }[] = [];
  let pieces: Uint8Array[] = [];
  let header = { contextId: 0, control: 0 };
  new PduReader({}).push(stream, {
    pdu: () => {
      throw new Error('only P-DATA-TF is here');
    },
    pdata: (_buffer, _start, _end, lengthBytes) => pdus.push({ lengthBytes, pdvs: [] }),
    pdv: (_buffer, _start, _end, contextId, control) => {
      header = { contextId, control };
      pieces = [];
    },
    fragment: (buffer, start, end) => pieces.push(buffer.subarray(start, end)),
    pdvEnd: () => pdus.at(-1)?.pdvs.push({ ...header, fragment: Buffer.concat(pieces) }),
    pdataEnd: () => {},
  });
  return pdus;
}

/** What the PDVs say, whatever way they are cut: runs of one context and kind, ended by the last bit. */
function contents(pdus: readonly { readonly pdvs: readonly Pdv[] }[]): string[] {
  const said: string[] = [];
  let open: { key: string; bytes: Uint8Array[] } | undefined;
  for (const { contextId, control, fragment } of pdus.flatMap((pdu) => pdu.pdvs)) {
    const key = `${contextId} ${control & ~PdvControl.last}`;
    if (open !== undefined && open.key !== key) {
      said.push(`${open.key} unfinished ${Buffer.concat(open.bytes).toString('hex')}`);
      open = undefined;
    }
    open ??= { key, bytes: [] };
    open.bytes.push(fragment);
    if ((control & PdvControl.last) !== 0) {
      said.push(`${key} ${Buffer.concat(open.bytes).toString('hex')}`);
      open = undefined;
    }
  }
  if (open !== undefined) said.push(`${open.key} unfinished ${Buffer.concat(open.bytes).toString('hex')}`);
  return said;
}

function recut(stream: Uint8Array, cuts: readonly number[], receiverMaxPduBytes: number): Buffer {
  const out: Uint8Array[] = [];
  const recutter = new PduRecutter(receiverMaxPduBytes, (buffer, start, end) => out.push(new Uint8Array(buffer.subarray(start, end))));
  const reader = new PduReader({});
  const sink = {
    pdu: () => {},
    pdata: recutter.pdata.bind(recutter),
    pdv: recutter.pdv.bind(recutter),
    fragment: recutter.fragment.bind(recutter),
    pdvEnd: () => {},
    pdataEnd: recutter.pdataEnd.bind(recutter),
  };
  let at = 0;
  for (const cut of [...cuts.map((part) => Math.min(part, stream.length)).sort((a, b) => a - b), stream.length]) {
    if (cut > at) {
      const chunk = new Uint8Array(stream.subarray(at, cut));
      reader.push(chunk, sink);
      recutter.settle();
      // As with a pool: the memory is used again.
      chunk.fill(0xee);
    }
    at = Math.max(at, cut);
  }
  return Buffer.concat(out);
}

const pdv = fc.record({
  contextId: fc.constantFrom(1, 3),
  control: fc.integer({ min: 0, max: 3 }),
  fragment: fc.uint8Array({ maxLength: 60 }),
});
const pdus = fc.array(fc.array(pdv, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 });
const cuts = fc.array(fc.nat(600), { maxLength: 8 });
const isMixed = (group: readonly Pdv[]) => new Set(group.map(({ control }) => control & PdvControl.command)).size > 1;

test('what goes out says the same, in PDUs that the receiver takes, command and data never mixed', () => {
  fc.assert(
    fc.property(pdus, cuts, fc.integer({ min: 8, max: 80 }), (groups, at, max) => {
      const stream = Buffer.concat(groups.map(pdataTf));
      const out = readPdus(recut(stream, at, max));
      expect(contents(out)).toEqual(contents(readPdus(stream)));
      for (const pdu of out) {
        expect(pdu.lengthBytes).toBeLessThanOrEqual(max);
        expect(isMixed(pdu.pdvs)).toBe(false);
      }
    }),
    { numRuns: 1000 },
  );
});

test('what would hurt nobody goes out as it came, byte for byte, wherever the stream was cut', () => {
  const harmless = pdus.filter((groups) => !groups.some(isMixed));
  fc.assert(
    fc.property(harmless, cuts, fc.constantFrom(0, 1, 6, 1000), (groups, at, max) => {
      const stream = Buffer.concat(groups.map(pdataTf));
      expect(recut(stream, at, max).equals(stream)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test('a PDU too long to be held is cut as it arrives, and says the same', () => {
  const big = (bytes: number, control: number): Pdv => ({ contextId: 1, control, fragment: Buffer.alloc(bytes, bytes & 0xff) });
  const groups = [[big(100, PdvControl.command | PdvControl.last), big(300_000, 0), big(7, PdvControl.last)]];
  const stream = Buffer.concat(groups.map(pdataTf));
  const out = readPdus(recut(stream, [5, 70_000, 150_001], 16_384));
  expect(contents(out)).toEqual(contents(readPdus(stream)));
  expect(Math.max(...out.map(({ lengthBytes }) => lengthBytes))).toBeLessThanOrEqual(16_384);
  expect(out.some(({ pdvs }) => isMixed(pdvs))).toBe(false);
});
