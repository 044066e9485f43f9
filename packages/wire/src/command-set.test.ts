import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import {
  CommandField,
  type CommandFields,
  CommandSet,
  commandName,
  commandSet,
  decodeCommandSet,
  encodeCommandSet,
  PduReader,
  Status,
  statusClass,
  WireError,
} from './index.ts';

const byte = fc.nat({ max: 255 });
const uint16 = fc.nat({ max: 0xffff });
const uid = fc.stringMatching(/^[1-9](\.[0-9]{1,5}){1,9}$/);
const title = fc.stringMatching(/^[A-Z0-9_]{1,16}$/);
const tags = fc.array(fc.nat({ max: 0xffffffff }), { maxLength: 4 });
const fields: fc.Arbitrary<CommandFields> = fc.record(
  {
    commandField: uint16,
    affectedSopClassUid: uid,
    requestedSopClassUid: uid,
    messageId: uint16,
    messageIdBeingRespondedTo: uint16,
    moveDestination: title,
    priority: uint16,
    hasDataSet: fc.boolean(),
    status: uint16,
    offendingElement: tags,
    errorComment: fc.stringMatching(/^[A-Za-z0-9]{1,64}$/),
    errorId: uint16,
    affectedSopInstanceUid: uid,
    requestedSopInstanceUid: uid,
    eventTypeId: uint16,
    attributeIdentifierList: tags,
    actionTypeId: uint16,
    numberOfRemainingSuboperations: uint16,
    numberOfCompletedSuboperations: uint16,
    numberOfFailedSuboperations: uint16,
    numberOfWarningSuboperations: uint16,
    moveOriginatorAeTitle: title,
    moveOriginatorMessageId: uint16,
  },
  { requiredKeys: ['commandField', 'hasDataSet'], noNullPrototype: true },
);
/** Elements of any group, unsorted, odd, repeated: what peers send. */
const element = fc.record(
  { tag: fc.oneof(fc.integer({ min: 1, max: 0x1100 }), fc.integer({ min: 1, max: 0xffffffff })), value: fc.uint8Array({ maxLength: 20 }) },
  { noNullPrototype: true },
);
const elements = fc.array(element, { maxLength: 12 });

function decoded(bytes: Uint8Array): CommandSet | WireError {
  try {
    return decodeCommandSet(bytes);
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
}

/** One element of group 0000 as on the wire. */
function raw(element: number, value: readonly number[], lengthBytes = value.length): number[] {
  return [0, 0, element & 0xff, element >> 8, lengthBytes & 0xff, lengthBytes >> 8, 0, 0, ...value];
}

describe('command set', () => {
  test('what was built is read by the same names after encode and decode', () => {
    fc.assert(
      fc.property(fields, (built) => {
        const command = decodeCommandSet(encodeCommandSet(commandSet(built)));
        const readBack = Object.fromEntries(Object.keys(built).map((name) => [name, command[name as keyof CommandFields]]));
        assert.deepEqual(readBack, built);
        assert.equal(command.isResponse, built.commandField >= 0x8000);
      }),
    );
  });

  test('decode after encode is identity, whatever the elements are, but for their order', () => {
    fc.assert(
      fc.property(elements, (given) => {
        const encoded = encodeCommandSet(new CommandSet(given));
        const sorted = [...given].sort((one, other) => one.tag - other.tag);
        assert.deepEqual(decodeCommandSet(encoded).elements, sorted);
        assert.deepEqual(encodeCommandSet(decodeCommandSet(encoded)), encoded);
      }),
    );
  });

  test('mutated and cut command sets give a value or a WireError', () => {
    fc.assert(
      fc.property(elements, fc.array(fc.tuple(fc.nat(), byte), { maxLength: 4 }), fc.nat(), (given, changes, cut) => {
        const bytes = encodeCommandSet(new CommandSet(given));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        decoded(bytes.subarray(0, bytes.length - (cut % bytes.length)));
      }),
      { numRuns: 1000 },
    );
  });

  test('D4: a group length that is wrong or missing, elements unsorted, retired and private ones are read', () => {
    const messageId = raw(0x0110, [7, 0]);
    const echo = raw(0x0100, [0x30, 0]);
    const retired = raw(0x5110, [1, 2, 3, 4]);
    for (const groupLength of [[], raw(0, [0xff, 0xff, 0, 0]), raw(0, [0, 0])]) {
      const command = decodeCommandSet(Uint8Array.from([...groupLength, ...messageId, ...retired, ...echo]));
      assert.equal(command.commandField, CommandField.cEchoRq);
      assert.equal(command.messageId, 7);
      assert.deepEqual(command.value(0x5110), Uint8Array.of(1, 2, 3, 4));
      assert.equal(command.hasDataSet, false);
      assert.equal(command.status, undefined);
      const encoded = encodeCommandSet(command);
      assert.deepEqual([...encoded], [...raw(0, [encoded.length - 12, 0, 0, 0]), ...echo, ...messageId, ...retired]);
    }
  });

  test('an element that overruns, a cut header and too many bytes are errors; padding with zeros is none', () => {
    const malformed = { name: 'WireError', code: 'command-malformed', abortReason: 6 };
    assert.throws(() => decodeCommandSet(Uint8Array.from(raw(0x0110, [7, 0], 3))), malformed);
    assert.throws(() => decodeCommandSet(Uint8Array.of(0, 0, 0x10, 1, 0xff, 0xff, 0xff, 0xff, 1, 0)), malformed);
    assert.throws(() => decodeCommandSet(Uint8Array.from([...raw(0x0110, [7, 0]), 0, 0, 1])), malformed);
    assert.throws(() => decodeCommandSet(new Uint8Array(70_000)), { code: 'command-too-long' });
    assert.throws(() => decodeCommandSet(Uint8Array.from(Array(9).fill(raw(2, [])).flat()), { maxElements: 8 }), malformed);
    assert.equal(decodeCommandSet(Uint8Array.from([...raw(0x0110, [7, 0]), 0])).messageId, 7);
  });

  test('the group length counts group 0000 alone', () => {
    const encoded = encodeCommandSet(
      new CommandSet([
        { tag: 0x0110, value: Uint8Array.of(7, 0) },
        { tag: 0x00090010, value: Uint8Array.of(1, 2) },
      ]),
    );
    assert.equal(encoded[8], 10);
  });

  test('padding of UIDs and AE titles is not read', () => {
    const command = decodeCommandSet(
      Uint8Array.from([
        ...raw(2, [...Buffer.from('1.2.3\0')]),
        ...raw(0x1000, [...Buffer.from('1.2 ')]),
        ...raw(0x600, [...Buffer.from(' A  ')]),
      ]),
    );
    assert.equal(command.affectedSopClassUid, '1.2.3');
    assert.equal(command.affectedSopInstanceUid, '1.2');
    assert.equal(command.moveDestination, 'A');
  });

  test('services have the names of PS3.7, requests and responses alike', () => {
    assert.equal(commandName(CommandField.cStoreRq), 'C-STORE');
    assert.equal(commandName(CommandField.nEventReportRsp), 'N-EVENT-REPORT');
    assert.equal(commandName(CommandField.cCancelRq), 'C-CANCEL');
    for (const field of [0, 2, 0x8000, 0x8fff, 0xffff]) assert.equal(commandName(field), undefined);
    for (const field of Object.values(CommandField)) assert.match(commandName(field) ?? '', /^[CN]-[A-Z-]+$/);
  });

  test('D5: status classes of PS3.7 annex C', () => {
    const classes = {
      success: [Status.success],
      pending: [0xff00, 0xff01],
      cancel: [0xfe00],
      warning: [0x0001, 0x0107, 0x0116, 0xb000, 0xb006, 0xb007, 0xb101, 0xbfff],
      failure: [0x0110, 0x0111, 0x0122, 0xa700, 0xa801, 0xa900, 0xafff, 0xc000, 0xcfff, 0xfe01, 0xff02, 0x0002],
    };
    for (const [name, statuses] of Object.entries(classes))
      for (const status of statuses) assert.equal(statusClass(status), name, status.toString(16));
  });
});

describe('command set samples', () => {
  const file = new URL('../../../../shared/data/conversations.jsonl', import.meta.url);
  const wherePresent = existsSync(file) ? test : test.skip;

  wherePresent('every command of the recorded conversations has a name and comes back byte for byte (../shared)', () => {
    const seen = new Map<string, number>();
    for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
      const conversation = JSON.parse(line);
      for (const direction of ['initiator>acceptor', 'acceptor>initiator']) {
        for (const bytes of commandsOf(conversation.events.filter((event: { dir: string }) => event.dir === direction))) {
          const command = decodeCommandSet(bytes);
          const name = commandName(command.commandField ?? -1);
          assert.ok(name, conversation.name);
          seen.set(name, (seen.get(name) ?? 0) + 1);
          assert.deepEqual(encodeCommandSet(command), bytes, `${conversation.name} ${name}`);
        }
      }
    }
    for (const name of ['C-ECHO', 'C-STORE', 'C-FIND', 'C-MOVE', 'C-GET', 'C-CANCEL', 'N-ACTION', 'N-EVENT-REPORT'])
      assert.ok(seen.get(name), name);
  });

  function commandsOf(events: readonly { hex?: string }[]): Uint8Array[] {
    const commands: Uint8Array[] = [];
    let parts: Buffer[] = [];
    let control = 0;
    const nothing = () => undefined;
    const reader = new PduReader();
    for (const { hex = '' } of events) {
      reader.push(Buffer.from(hex, 'hex'), {
        pdu: nothing,
        pdata: nothing,
        pdataEnd: nothing,
        pdv: (_buffer, _start, _end, _contextId, ofPdv) => {
          control = ofPdv;
        },
        fragment: (buffer, start, end) => {
          if ((control & 1) !== 0) parts.push(Buffer.from(buffer.subarray(start, end)));
        },
        pdvEnd: () => {
          if (control !== 3) return;
          commands.push(new Uint8Array(Buffer.concat(parts)));
          parts = [];
        },
      });
    }
    return commands;
  }
});
