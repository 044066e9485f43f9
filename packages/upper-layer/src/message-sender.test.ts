import { type CommandSet, commandSet, decodeCommandSet, PduReader, type PduSink, PdvControl } from '@radiotracer/wire';
import fc from 'fast-check';
import type { Association } from './association.ts';
import { MessageSender } from './message-sender.ts';

interface Fragment {
  readonly contextId: number;
  readonly control: number;
  readonly pduBytes: number;
  readonly pdvs: number;
  readonly bytes: Buffer;
}

/** An association of which only the sending counts. */
function recording() {
  const sent: Uint8Array[] = [];
  const association = { peer: 'peer', cork() {}, uncork() {}, send: (bytes: Uint8Array) => void sent.push(bytes) };
  return { sent, association: association as unknown as Association };
}

function fragmentsOf(sent: readonly Uint8Array[]): Fragment[] {
  const fragments: Fragment[] = [];
  let pieces: Buffer[] = [];
  let head = { contextId: 0, control: 0 };
  let pduBytes = 0;
  let pdvs = 0;
  const sink: PduSink = {
    pdu: () => expect('another PDU').toBe('P-DATA-TF'),
    pdata: (_buffer, _start, _end, lengthBytes) => {
      pduBytes = lengthBytes;
      pdvs = 0;
    },
    pdv: (_buffer, _start, _end, contextId, control) => {
      head = { contextId, control };
      pieces = [];
      pdvs++;
    },
    fragment: (buffer, start, end) => void pieces.push(Buffer.from(buffer.subarray(start, end))),
    pdvEnd: () => void fragments.push({ ...head, pduBytes, pdvs, bytes: Buffer.concat(pieces) }),
    pdataEnd: () => {},
  };
  new PduReader().push(Buffer.concat(sent), sink);
  return fragments;
}

const whole = (fragments: readonly Fragment[]): Buffer => Buffer.concat(fragments.map(({ bytes }) => bytes));

test('whatever the pieces and the maximum, fragments fit, are even but for the last, carry the flag once, and are the bytes', async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.integer({ min: 8, max: 900 }), fc.boolean(), async (dataSet, maxPduBytes, isAsync) => {
      const { sent, association } = recording();
      const sender = new MessageSender(association, maxPduBytes);
      const command: CommandSet = commandSet({ commandField: 1, messageId: 7, affectedSopClassUid: '1.2.3', hasDataSet: true });
      sender.command(5, command);
      const alone = fragmentsOf(sent);
      sent.length = 0;
      await sender.message(5, command, isAsync ? asynchronous(dataSet) : dataSet, () => undefined);
      const [commands = [], data = []] = [fragmentsOf(sent).slice(0, alone.length), fragmentsOf(sent).slice(alone.length)];
      expect(commands).toEqual(alone);
      expect(decodeCommandSet(whole(commands)).elements).toEqual(command.elements);
      expect(whole(data).equals(Buffer.concat(dataSet))).toBe(true);
      for (const [fragments, kind] of [
        [commands, PdvControl.command],
        [data, 0],
      ] as const) {
        fragments.forEach((fragment, index) => {
          const last = index === fragments.length - 1;
          expect(fragment).toMatchObject({ contextId: 5, pdvs: 1, control: last ? kind | PdvControl.last : kind });
          expect(fragment.pduBytes).toBeLessThanOrEqual(maxPduBytes);
          if (!last) expect(fragment.bytes.length % 2).toBe(0);
        });
        // No more PDUs than it takes.
        const room = maxPduBytes - 6 - (maxPduBytes % 2);
        expect(fragments.length).toBe(Math.max(1, Math.ceil(whole(fragments).length / room)));
      }
    }),
  );
});

test('a data set is sent from where it lies, and a peer without a limit gets PDUs of bounded length', async () => {
  const { sent, association } = recording();
  const piece = new Uint8Array(300_000);
  await new MessageSender(association, 0).message(1, commandSet({ commandField: 1 }), [piece], () => undefined);
  expect(
    sent
      .slice(1)
      .filter(({ length }) => length > 12)
      .every(({ buffer }) => buffer === piece.buffer),
  ).toBe(true);
  expect(Math.max(...fragmentsOf(sent).map(({ pduBytes }) => pduBytes))).toBe(64 * 1024);
});

test.each([1, 6, 7])('a peer that takes %d bytes is a mistake of the peer, not an endless loop', (maxPduBytes) => {
  expect(() => new MessageSender(recording().association, maxPduBytes)).toThrow(`a maximum length of ${maxPduBytes} bytes`);
});

async function* asynchronous(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    await Promise.resolve();
    yield piece;
  }
}
