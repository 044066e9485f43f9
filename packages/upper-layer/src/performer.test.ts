import { CommandField, type CommandFields, commandSet, decodeCommandSet, encodeCommandSet, PdvControl, Status } from '@radiotracer/wire';
import fc from 'fast-check';
import type { Association } from './association.ts';
import { AssociationError } from './association-error.ts';
import { MessageAssembler } from './message-assembler.ts';
import { Performer, type ReceivedMessage } from './performer.ts';
import { responseTo } from './response-to.ts';

const limits = { maxCommandBytes: 4096 };
const gone = new AssociationError('aborted', 'the peer aborted');
/** All that was put off to the end of what runs now. */
const afterwards = () => new Promise<void>(queueMicrotask);

/**
 * A peer by its bytes: says what is asked, and shows what was sent to it and whether it is read. `isSuccessor`: the command of a C-STORE has come
 * before.
 */
function scene({ maxOpenRequests = 0, isSuccessor = false, hasSink = true } = {}) {
  const sent: string[] = [];
  const told: string[] = [];
  const messages: ReceivedMessage[] = [];
  const wire = { isPaused: false, bufferedBytes: 0, chunkLease: { retain() {}, release() {} } };
  const association = {
    pause: () => {
      wire.isPaused = true;
    },
    resume: () => {
      wire.isPaused = false;
    },
    send: (pdu: Uint8Array) => {
      const { messageIdBeingRespondedTo, status } = decodeCommandSet(pdu.subarray(12));
      sent.push(`${pdu[10]} ${messageIdBeingRespondedTo} ${status?.toString(16)}`);
    },
    get bufferedBytes() {
      return wire.bufferedBytes;
    },
    chunkLease: wire.chunkLease,
  };
  const before = new MessageAssembler({ command() {}, data() {}, dataEnd() {} }, limits);
  if (isSuccessor) {
    const command = encodeCommandSet(commandSet({ commandField: CommandField.cStoreRq, messageId: 6, hasDataSet: true }));
    before.pdv(3, PdvControl.command | PdvControl.last);
    before.fragment(command, 0, command.length);
    before.pdvEnd();
  }
  const sinkOf = (name: unknown) => ({
    piece: (buffer: Uint8Array, start: number, end: number, lease: unknown) =>
      void told.push(`${name} ${[...buffer.subarray(start, end)]}${lease === wire.chunkLease ? '' : ' of what chunk?'}`),
    flush: () => void told.push(`${name} flush`),
    end: () => void told.push(`${name} end`),
    lost: (error: AssociationError) => void told.push(`${name} ${error.errorType}`),
  });
  const performer = new Performer(
    {
      ...{ association: association as unknown as Association, peerMaxPduBytes: 0, limits: { ...limits, maxOpenRequests } },
      ...(isSuccessor ? { assembler: before } : {}),
      agreed: new Map([
        [1, '1.2.840.10008.1.2.1'],
        [3, '1.2.840.10008.1.2'],
      ]),
    },
    {
      message: (message) => {
        messages.push(message);
        return hasSink ? sinkOf(message.command.messageId) : undefined;
      },
    },
  );
  const pdv = (contextId: number, control: number, bytes: Uint8Array) => {
    performer.pdv(bytes, 0, 0, contextId, control);
    if (bytes.length > 0) performer.fragment(bytes, 0, bytes.length);
    performer.pdvEnd();
  };
  const ask = (fields: Partial<CommandFields>, contextId = 3) =>
    pdv(contextId, PdvControl.command | PdvControl.last, encodeCommandSet(commandSet({ hasDataSet: false, ...fields } as CommandFields)));
  const data = (isLast: boolean, ...bytes: number[]) => pdv(3, isLast ? PdvControl.last : 0, Uint8Array.from(bytes));
  return { performer, wire, sent, told, messages, ask, data, sinkOf };
}

type Step =
  | { readonly do: 'ask'; readonly service: 'store' | 'find' | 'echo' | 'cancel' }
  | { readonly do: 'data'; readonly isLast: boolean }
  | { readonly do: 'respond'; readonly which: number; readonly isPending: boolean }
  | { readonly do: 'unsent'; readonly bytes: number }
  | { readonly do: 'pause' | 'resume' | 'drained' | 'release' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('ask' as const), service: fc.constantFrom('store', 'find', 'echo', 'cancel') }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('data' as const), isLast: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('respond' as const), which: fc.nat(7), isPending: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unsent' as const), bytes: fc.constantFrom(0, 131_072, 131_073) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'drained' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('pause' as const, 'resume' as const, 'release' as const) }) },
);
const fieldOf = { store: CommandField.cStoreRq, find: CommandField.cFindRq, echo: CommandField.cEchoRq, cancel: CommandField.cCancelRq };

it('reads no further than it may, answers each request once, and says when the last is answered', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.integer({ min: 0, max: 2 }), async (steps, maxOpenRequests) => {
      const { performer, wire, sent, told, messages, ask, data } = scene({ maxOpenRequests });
      const expected = { sent: [] as string[], told: [] as string[] };
      const open = new Set<ReceivedMessage>();
      const requests: ReceivedMessage[] = [];
      let [isPaused, isUnsent, isMid, isReleased, answered, messageId] = [false, false, false, false, 0, 0];
      const send = (line: string) => {
        expected.sent.push(line);
        isUnsent = wire.bufferedBytes > 131_072;
      };
      for (const one of steps) {
        const before = answered;
        if (one.do === 'ask' && !isMid && !isReleased) {
          messageId++;
          const { service } = one;
          const cancels = { messageIdBeingRespondedTo: messageId };
          ask({ commandField: fieldOf[service], hasDataSet: service === 'store', ...(service === 'cancel' ? cancels : { messageId }) });
          isMid = service === 'store';
          const message = service === 'echo' ? undefined : messages.at(-1);
          expect(message?.contextId).toBe(message && 3);
          expect(message?.transferSyntax).toBe(message && '1.2.840.10008.1.2');
          if (message === undefined) send(`3 ${messageId} 0`);
          else if (service !== 'cancel') {
            requests.push(message);
            open.add(message);
          }
        } else if (one.do === 'data' && isMid) {
          data(one.isLast, 7, messageId);
          performer.flush();
          expected.told.push(`${messageId} 7,${messageId}`, `${messageId} ${one.isLast ? 'end' : 'flush'}`);
          isMid = !one.isLast;
        } else if (one.do === 'respond' && requests.length > 0) {
          const message = requests[one.which % requests.length] as ReceivedMessage;
          const status = one.isPending ? Status.pending : Status.success;
          message.respond(responseTo(message.command, status));
          if (open.has(message)) send(`3 ${message.command.messageId} ${status.toString(16)}`);
          if (!one.isPending) open.delete(message);
        } else if (one.do === 'unsent') wire.bufferedBytes = one.bytes;
        else if (one.do === 'release' && !isMid && !isReleased) {
          isReleased = true;
          performer.whenAllAnswered(() => void answered++);
        } else if (one.do === 'pause' || one.do === 'resume') {
          performer[one.do]();
          isPaused = one.do === 'pause';
        } else if (one.do === 'drained') {
          performer.drained();
          isUnsent = false;
        }
        expect([performer.midMessage, sent, told]).toEqual([isMid, expected.sent, expected.told]);
        // One more is read to its end, so that what is asked is not left half.
        const isFull = maxOpenRequests > 0 && open.size >= maxOpenRequests + (isMid ? 1 : 0);
        expect(wire.isPaused).toBe(isPaused || isUnsent || isFull);
        // Who answered last says what it has to say before that is told.
        expect(answered).toBe(before);
        await afterwards();
        expect(answered).toBe(isReleased && open.size === 0 ? 1 : 0);
      }
    }),
    { numRuns: 300 },
  );
});

it('the end is told to the data set that is half here, and to nobody who waits for answers', async () => {
  const { performer, wire, told, messages, ask, data } = scene({ maxOpenRequests: 1 });
  ask({ commandField: CommandField.cStoreRq, messageId: 1, hasDataSet: true });
  data(true, 1);
  ask({ commandField: CommandField.cStoreRq, messageId: 2, hasDataSet: true });
  expect(wire.isPaused).toBe(true);
  performer.whenAllAnswered(() => void told.push('all answered'));
  for (const { command, respond } of messages) respond(responseTo(command, Status.success));
  expect(wire.isPaused).toBe(false);
  performer.end(gone);
  await afterwards();
  // Whoever has it now says whether it is read.
  performer.pause();
  performer.end(gone);
  expect([wire.isPaused, told]).toEqual([false, ['1 1', '1 end', '2 aborted']]);
});

it('a data set that nobody wants, or that no command announced, goes to nobody', () => {
  const { performer, told, ask, data } = scene({ hasSink: false });
  ask({ commandField: CommandField.cStoreRq, messageId: 1, hasDataSet: true });
  data(true, 1);
  ask({ commandField: CommandField.cFindRq, messageId: 2 });
  data(true, 2);
  performer.flush();
  performer.end(gone);
  const stray = scene();
  stray.ask({ commandField: CommandField.cFindRq, messageId: 1 });
  stray.data(true, 1);
  stray.performer.flush();
  stray.performer.end(gone);
  expect([told, stray.told]).toEqual([[], []]);
});

it('ends the association of who says what cannot be', () => {
  const malformed = (abortReason: number) => expect.objectContaining({ code: 'message-malformed', abortReason });
  expect(() => scene().ask({ commandField: CommandField.cFindRq, messageId: 1 }, 5)).toThrow(malformed(6));
  expect(() => scene().ask({ messageId: 1 })).toThrow(malformed(6));
  expect(() => scene().ask({ commandField: CommandField.cFindRq | 0x8000, messageIdBeingRespondedTo: 1 })).toThrow(malformed(2));
});

it('who takes over goes on with what was asked and half sent before, and drops what others had asked of the peer', async () => {
  const { performer, wire, sent, told, messages, ask, data, sinkOf } = scene({ isSuccessor: true, maxOpenRequests: 2 });
  const [first, second] = [performer.adopt(1), performer.adopt(3)];
  performer.goOnWith(sinkOf('half'));
  performer.resume();
  expect([performer.midMessage, wire.isPaused]).toEqual([true, false]);
  data(false, 4);
  data(true, 5);
  expect([performer.midMessage, wire.isPaused]).toEqual([false, true]);
  ask({ commandField: CommandField.cFindRq | 0x8000, messageIdBeingRespondedTo: 9, hasDataSet: true });
  data(true, 5);
  expect(messages).toEqual([]);
  ask({ commandField: CommandField.cCancelRq, messageIdBeingRespondedTo: 6 });
  expect(messages).toMatchObject([{ contextId: 3, command: { commandField: CommandField.cCancelRq } }]);
  performer.whenAllAnswered(() => void told.push('all answered'));
  second(responseTo(commandSet({ commandField: CommandField.cStoreRq, messageId: 6, hasDataSet: true }), Status.success));
  expect(wire.isPaused).toBe(false);
  await afterwards();
  expect(told).toEqual(['half 4', 'half 5', 'half end']);
  first(responseTo(commandSet({ commandField: CommandField.cStoreRq, messageId: 5, hasDataSet: true }), Status.outOfResources));
  await afterwards();
  expect([sent, told]).toEqual([
    ['3 6 0', '1 5 a700'],
    ['half 4', 'half 5', 'half end', 'all answered'],
  ]);
});
