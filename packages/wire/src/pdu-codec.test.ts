import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import {
  type AssociateAcItem,
  type AssociateRqItem,
  decodePdu,
  encodeAssociateRqWithTitles,
  encodePdu,
  type Pdu,
  type UserInformationSubItem,
  WireError,
} from './index.ts';
import { ItemType } from './pdu-item.ts';

/** Plain objects only: that is what a decoder gives. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record<T>(model, { noNullPrototype: true });

const byte = fc.nat({ max: 255 });
const uint16 = fc.nat({ max: 0xffff });
const bytes = fc.uint8Array({ maxLength: 40 });
/** Any byte is a character of latin1: what a peer sent must come back, legal or not. */
const text = bytes.map((value) => Buffer.from(value).toString('latin1'));
const title = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((value) => Buffer.from(value).toString('latin1'));
const knownTypes: ReadonlySet<number> = new Set(Object.values(ItemType));
const unknownItem = record({
  kind: fc.constant('unknown' as const),
  type: byte.filter((type) => !knownTypes.has(type)),
  value: bytes,
});

const subItemsOfBoth: fc.Arbitrary<UserInformationSubItem>[] = [
  record({ kind: fc.constant('maximum-length' as const), bytes: fc.nat({ max: 0xffffffff }) }),
  record({ kind: fc.constant('implementation-class-uid' as const), uid: text }),
  record({ kind: fc.constant('implementation-version-name' as const), name: text }),
  record({ kind: fc.constant('asynchronous-operations-window' as const), invoked: uint16, performed: uint16 }),
  record({ kind: fc.constant('role-selection' as const), sopClassUid: text, scuRole: byte, scpRole: byte }),
  record({ kind: fc.constant('extended-negotiation' as const), sopClassUid: text, information: bytes }),
  record({
    kind: fc.constant('common-extended-negotiation' as const),
    sopClassUid: text,
    serviceClassUid: text,
    relatedGeneralSopClassUids: fc.array(text, { maxLength: 3 }),
    reserved: bytes,
  }),
  unknownItem,
];
const identityRq: fc.Arbitrary<UserInformationSubItem> = record({
  kind: fc.constant('user-identity-rq' as const),
  identityType: byte,
  positiveResponseRequested: byte,
  primaryField: bytes,
  secondaryField: bytes,
});
const identityAc: fc.Arbitrary<UserInformationSubItem> = record({
  kind: fc.constant('user-identity-ac' as const),
  serverResponse: bytes,
});
const userInformation = (identity: fc.Arbitrary<UserInformationSubItem>) =>
  record({
    kind: fc.constant('user-information' as const),
    items: fc.array(fc.oneof(identity, ...subItemsOfBoth), { maxLength: 8 }),
  });
const applicationContext = record({ kind: fc.constant('application-context' as const), name: text });

const rqItem: fc.Arbitrary<AssociateRqItem> = fc.oneof(
  applicationContext,
  userInformation(identityRq),
  unknownItem,
  fc.record(
    {
      kind: fc.constant('presentation-context-rq' as const),
      id: byte,
      reserved: fc.integer({ min: 1, max: 0xffffff }),
      abstractSyntax: fc.option(text, { nil: undefined }),
      transferSyntaxes: fc.array(text, { maxLength: 4 }),
      unknown: fc.array(unknownItem, { maxLength: 2 }),
    },
    { noNullPrototype: true, requiredKeys: ['kind', 'id', 'abstractSyntax', 'transferSyntaxes', 'unknown'] },
  ),
);
const acItem: fc.Arbitrary<AssociateAcItem> = fc.oneof(
  applicationContext,
  userInformation(identityAc),
  unknownItem,
  record({
    kind: fc.constant('presentation-context-ac' as const),
    id: byte,
    result: byte,
    transferSyntax: fc.option(text, { nil: undefined }),
    unknown: fc.array(unknownItem, { maxLength: 2 }),
  }),
);
const associateFields = {
  protocolVersion: uint16,
  calledAeTitle: title,
  callingAeTitle: title,
  reserved: fc.uint8Array({ minLength: 32, maxLength: 32 }),
};
const anyPdu: fc.Arbitrary<Pdu> = fc.oneof(
  record({ kind: fc.constant('A-ASSOCIATE-RQ' as const), ...associateFields, items: fc.array(rqItem, { maxLength: 12 }) }),
  record({ kind: fc.constant('A-ASSOCIATE-AC' as const), ...associateFields, items: fc.array(acItem, { maxLength: 12 }) }),
  record({ kind: fc.constant('A-ASSOCIATE-RJ' as const), result: byte, source: byte, reason: byte }),
  record({
    kind: fc.constant('P-DATA-TF' as const),
    pdvs: fc.array(record({ contextId: byte, control: byte, fragment: bytes }), { minLength: 1, maxLength: 6 }),
  }),
  fc.constant({ kind: 'A-RELEASE-RQ' as const }),
  fc.constant({ kind: 'A-RELEASE-RP' as const }),
  record({ kind: fc.constant('A-ABORT' as const), source: byte, reason: byte }),
  record({ kind: fc.constant('unknown' as const), type: fc.integer({ min: 8, max: 255 }), value: bytes }),
);

/** What a decoder must do with bytes whatever they are: give a value or a WireError. */
function decoded(pdu: Uint8Array): Pdu | WireError {
  try {
    return decodePdu(pdu);
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
}

/** An A-ASSOCIATE-RQ with these bytes as its items. */
function requestWith(...items: readonly (readonly number[])[]): Uint8Array {
  const value = items.flat();
  const pdu = new Uint8Array(74 + value.length);
  pdu.set([1, 0]);
  new DataView(pdu.buffer).setUint32(2, 68 + value.length);
  pdu.set(value, 74);
  return pdu;
}

describe('PDU codec', () => {
  test('decode after encode is identity', () => {
    fc.assert(
      fc.property(anyPdu, (pdu) => {
        assert.deepEqual(decodePdu(encodePdu(pdu)), pdu);
      }),
      { numRuns: 500 },
    );
  });

  test('a Buffer inside a larger one decodes as the plain array does', () => {
    fc.assert(
      fc.property(anyPdu, byte, (pdu, before) => {
        const encoded = encodePdu(pdu);
        const larger = Buffer.concat([Buffer.alloc(before, 1), encoded, Buffer.alloc(3, 1)]);
        assert.deepEqual(decodePdu(larger.subarray(before, before + encoded.length)), pdu);
      }),
    );
  });

  test('mutated, cut or lengthened PDUs give a value or a WireError', () => {
    const mutation = fc.array(fc.tuple(fc.nat(), byte), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(anyPdu, mutation, fc.integer({ min: -12, max: 12 }), fc.boolean(), (pdu, changes, grow, lengthFits) => {
        const encoded = encodePdu(pdu);
        const mutated = new Uint8Array(Math.max(0, encoded.length + grow));
        mutated.set(encoded.subarray(0, mutated.length));
        for (const [at, value] of changes) if (mutated.length > 0) mutated[at % mutated.length] = value;
        if (lengthFits && mutated.length >= 6) new DataView(mutated.buffer).setUint32(2, mutated.length - 6);
        const value = decoded(mutated);
        // What was read is whole: it can be written and read again.
        if (!(value instanceof WireError)) assert.deepEqual(decodePdu(encodePdu(value)), value);
      }),
      { numRuns: 2000 },
    );
  });

  test('C6: an A-ABORT of a wrong length is still an abort', () => {
    assert.deepEqual(decodePdu(Uint8Array.of(7, 0, 0, 0, 0, 0)), { kind: 'A-ABORT', source: 0, reason: 0 });
    assert.deepEqual(decodePdu(Uint8Array.of(7, 0, 0, 0, 0, 8, 0, 0, 2, 6, 1, 1, 1, 1)), { kind: 'A-ABORT', source: 2, reason: 6 });
  });

  test('A6: PDV lengths are checked before anything is subtracted from them', () => {
    for (const length of [0, 1, 5, 0xffffffff]) {
      const pdu = new Uint8Array(14);
      const view = new DataView(pdu.buffer);
      view.setUint8(0, 4);
      view.setUint32(2, 8);
      view.setUint32(6, length);
      assert.throws(() => decodePdu(pdu), { code: 'pdv-malformed', abortReason: 6 }, `PDV length ${length}`);
    }
    assert.throws(() => decodePdu(Uint8Array.of(4, 0, 0, 0, 0, 0)), { code: 'pdv-malformed' });
  });

  test('an item that overruns its parent is an error with abort reason 6', () => {
    const overruns = { code: 'pdu-malformed', abortReason: 6 };
    assert.throws(() => decodePdu(requestWith([0x10, 0, 0, 9, 1])), overruns);
    assert.throws(() => decodePdu(requestWith([0x20, 0, 0, 8, 1, 0, 0, 0, 0x30, 0, 0, 1])), overruns);
    assert.throws(() => decodePdu(requestWith([0x50, 0, 0, 3, 0x51, 0, 0])), overruns);
  });

  test('a user information sub-item whose inner lengths lie is kept as it came', () => {
    const lies = [
      [0x51, 0, 0, 2, 1, 2],
      [0x53, 0, 0, 3, 1, 2, 3],
      [0x54, 0, 0, 4, 0, 9, 1, 1],
      [0x54, 0, 0, 6, 0, 1, 65, 1, 1, 1],
      [0x56, 0, 0, 1, 0],
      [0x57, 0, 0, 6, 0, 0, 0, 0, 0, 9],
      [0x58, 0, 0, 4, 1, 1, 0, 9],
      [0x59, 0, 0, 2, 0, 0],
    ];
    const pdu = requestWith([0x50, 0, 0, lies.flat().length, ...lies.flat()]);
    const value = decodePdu(pdu);
    assert.ok(value.kind === 'A-ASSOCIATE-RQ' && value.items[0]?.kind === 'user-information');
    assert.deepEqual(
      value.items[0].items,
      lies.map(([type = 0, , , , ...rest]) => ({ kind: 'unknown', type, value: Uint8Array.from(rest) })),
    );
    assert.deepEqual(encodePdu(value), pdu);
  });

  test('10,000 presentation contexts are refused, as is a limit of one more than allowed', () => {
    const context = [0x20, 0, 0, 4, 1, 0, 0, 0];
    const tooMany = { code: 'too-many-presentation-contexts' };
    assert.throws(() => decodePdu(requestWith(...Array<number[]>(10_000).fill(context))), tooMany);
    assert.throws(() => decodePdu(requestWith(...Array<number[]>(256).fill(context))), tooMany);
    assert.equal(decodePdu(requestWith(...Array<number[]>(255).fill(context))).kind, 'A-ASSOCIATE-RQ');
    assert.throws(() => decodePdu(requestWith(context, context), { maxPresentationContexts: 1 }), tooMany);
  });

  test('items are counted, nested ones too', () => {
    const pdu = requestWith([0x20, 0, 0, 12, 1, 0, 0, 0, 0x40, 0, 0, 0, 0x40, 0, 0, 0]);
    assert.throws(() => decodePdu(pdu, { maxItems: 2 }), { code: 'too-many-items' });
    assert.equal(decodePdu(pdu, { maxItems: 3 }).kind, 'A-ASSOCIATE-RQ');
    const related = requestWith([0x50, 0, 0, 16, 0x57, 0, 0, 12, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0]);
    assert.throws(() => decodePdu(related, { maxItems: 4 }), { code: 'too-many-items' });
    assert.equal(decodePdu(related, { maxItems: 5 }).kind, 'A-ASSOCIATE-RQ');
  });

  test('AE titles are replaced in place and nothing else is', () => {
    fc.assert(
      fc.property(anyPdu, fc.option(title, { nil: undefined }), fc.option(title, { nil: undefined }), (pdu, called, calling) => {
        fc.pre(pdu.kind === 'A-ASSOCIATE-RQ' || pdu.kind === 'A-ASSOCIATE-AC');
        const encoded = encodePdu(pdu);
        // A reserved byte that the values do not keep must stay as well.
        encoded[1] = 0xee;
        const before = encoded.slice();
        const titles = { ...(called && { calledAeTitle: called }), ...(calling && { callingAeTitle: calling }) };
        const rewritten = encodeAssociateRqWithTitles(encoded, titles);
        assert.deepEqual(encoded, before);
        assert.deepEqual(decodePdu(rewritten), { ...pdu, ...titles });
        assert.equal(rewritten[1], 0xee);
      }),
    );
    const short = encodeAssociateRqWithTitles(requestWith(), { calledAeTitle: 'PACS' });
    assert.equal(Buffer.from(short.subarray(10, 26)).toString('latin1'), 'PACS            ');
  });
});

describe('PDU samples', () => {
  const file = new URL('../../../../shared/data/pdus.jsonl', import.meta.url);
  interface Sample {
    readonly name: string;
    readonly kind: string;
    readonly hex: string;
    readonly well_formed: boolean;
  }
  const wherePresent = existsSync(file) ? test : test.skip;

  /** Whole PDUs only: some samples are single items or fragments. */
  function samples(): Sample[] {
    const all = readFileSync(file, 'utf8').trimEnd().split('\n');
    const parsed = all.map((line) => JSON.parse(line) as Sample);
    return parsed.filter(({ kind }) => kind !== 'pdv-fragment' && !kind.startsWith('item:'));
  }

  wherePresent('well-formed ones decode and come back byte for byte; the others give a value or a WireError (../shared)', () => {
    let wellFormed = 0;
    for (const sample of samples()) {
      const value = decoded(Buffer.from(sample.hex, 'hex'));
      if (!sample.well_formed) continue;
      wellFormed += 1;
      assert.ok(!(value instanceof WireError), sample.name);
      assert.equal(value.kind, sample.kind, sample.name);
      assert.equal(Buffer.from(encodePdu(value)).toString('hex'), sample.hex, sample.name);
    }
    assert.ok(wellFormed > 200);
  });

  wherePresent('mutated ones give a value that can be written and read again, or a WireError (../shared)', () => {
    const pdus = samples().map(({ hex }) => Uint8Array.from(Buffer.from(hex, 'hex')));
    const negotiated = pdus.filter((pdu) => (pdu[0] === 1 || pdu[0] === 2) && pdu.length < 2000);
    const change = fc.record({ at: fc.nat(), value: byte });
    fc.assert(
      fc.property(fc.constantFrom(...negotiated), fc.array(change, { minLength: 1, maxLength: 5 }), (pdu, changes) => {
        const mutated = pdu.slice();
        for (const { at, value } of changes) mutated[6 + (at % (mutated.length - 6))] = value;
        const value = decoded(mutated);
        if (!(value instanceof WireError)) assert.deepEqual(decodePdu(encodePdu(value)), value);
      }),
      { numRuns: 3000 },
    );
  });
});
