import { type CommandSet, commandSet, encodeCommandSet } from '@radiotracer/wire';
import fc from 'fast-check';
import { MessageAssembler } from './message-assembler.ts';

function assembler(maxCommandBytes: number) {
  const commands: CommandSet[] = [];
  const told = new MessageAssembler(
    { command: (_contextId, command) => commands.push(command), data() {}, dataEnd() {} },
    { maxCommandBytes },
  );
  const pdv = (fragment: Uint8Array, isLast: boolean) => {
    told.pdv(1, isLast ? 3 : 1);
    if (fragment.length > 0) told.fragment(fragment, 0, fragment.length);
    told.pdvEnd();
  };
  return { commands, pdv };
}

test('a command set is waited for byte by byte, but neither for too many bytes nor for PDVs that bring none', () => {
  const bytes = encodeCommandSet(commandSet({ commandField: 0x30, messageId: 7 }));
  const whole = assembler(bytes.length);
  for (let time = 0; time < 2; time++) whole.pdv(bytes, true);
  const { commands, pdv } = assembler(13 * bytes.length);
  for (let at = 0; at < 2 * bytes.length; at++) pdv(bytes.subarray(at % bytes.length).subarray(0, 1), (at + 1) % bytes.length === 0);
  expect([...whole.commands, ...commands].map(({ messageId }) => messageId)).toEqual([7, 7, 7, 7]);
  const tooLong = expect.objectContaining({ code: 'command-too-long' });
  expect(() => assembler(bytes.length - 1).pdv(bytes, true)).toThrow(tooLong);
  expect(() => {
    for (let pdvs = 0; pdvs < bytes.length; pdvs++) whole.pdv(new Uint8Array(0), false);
  }).toThrow(tooLong);
});

/** As PS3.8 annex E cuts it: PDVs, the last of which says so, each of which comes in pieces; and data sets that no command announced. */
interface Part {
  readonly kind: 'command' | 'data' | 'stray';
  readonly contextId: number;
  readonly bytes: Uint8Array;
  readonly cuts: readonly number[];
}

interface Told {
  readonly contextId: number;
  readonly messageId: number | undefined;
  data: string | undefined;
  ended: boolean;
}

function told(): { readonly messages: Told[]; readonly sink: ConstructorParameters<typeof MessageAssembler>[0] } {
  const messages: Told[] = [];
  const last = () => messages.at(-1) as Told;
  return {
    messages,
    sink: {
      command: (contextId, { messageId, hasDataSet }) =>
        void messages.push({ contextId, messageId, data: hasDataSet ? '' : undefined, ended: !hasDataSet }),
      data: (buffer, start, end) => {
        last().data += Buffer.from(buffer.subarray(start, end)).toString('hex');
      },
      dataEnd: () => {
        last().ended = true;
      },
    },
  };
}

const contextId = fc.integer({ min: 0, max: 127 }).map((half) => 2 * half + 1);
const cuts = fc.array(fc.nat({ max: 40 }), { maxLength: 6 });
const dataSet = fc.uint8Array({ minLength: 0, maxLength: 100 });
const message = fc
  .record({
    contextId,
    messageId: fc.nat({ max: 65_535 }),
    dataSet: fc.option(dataSet),
    stray: fc.option(dataSet),
    cuts: fc.tuple(cuts, cuts),
  })
  .map(({ dataSet: data, stray, cuts: [ofCommand, ofData], ...of }) => {
    const bytes = encodeCommandSet(commandSet({ commandField: 0x01, messageId: of.messageId, hasDataSet: data !== null }));
    const parts: Part[] = [
      ...(stray === null ? [] : [{ ...of, kind: 'stray' as const, bytes: stray, cuts: ofData }]),
      { ...of, kind: 'command', bytes, cuts: ofCommand },
      ...(data === null ? [] : [{ ...of, kind: 'data' as const, bytes: data, cuts: ofData }]),
    ];
    return { ...of, data, parts };
  });

/** The steps of a part: each begins a PDV, or is a piece of it, or its end. */
function steps({ kind, contextId: id, bytes, cuts: at }: Part): ((assembler: MessageAssembler) => void)[] {
  const edges = [0, ...at.map((cut) => Math.min(cut, bytes.length)).sort((one, other) => one - other), bytes.length];
  return edges.slice(1).flatMap((end, index) => {
    const start = edges[index] ?? 0;
    const middle = Math.floor((start + end) / 2);
    const control = (kind === 'command' ? 1 : 0) | (index === edges.length - 2 ? 2 : 0);
    return [
      (assembler: MessageAssembler) => assembler.pdv(id, control),
      ...[[start, middle] as const, [middle, end] as const]
        .filter(([from, to]) => to > from)
        .map(
          ([from, to]) =>
            (assembler: MessageAssembler) =>
              assembler.fragment(bytes, from, to),
        ),
      (assembler: MessageAssembler) => assembler.pdvEnd(),
    ];
  });
}

test('messages come out as they went in, however they are cut, whoever they are handed to meanwhile, and with data sets that nobody announced', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.nat(), (messages, handOver) => {
      const [first, second] = [told(), told()];
      // Enough for a command in seven PDVs, and not for the headers of data sets besides.
      const assembler = new MessageAssembler(first.sink, { maxCommandBytes: 120 });
      const all = messages.flatMap(({ parts }) => parts.flatMap(steps));
      const at = handOver % (all.length + 1);
      // What is told to one and goes on at the other belongs to a message that the first has begun.
      second.messages.push({ contextId: 0, messageId: undefined, data: '', ended: false });
      for (const step of all.slice(0, at)) step(assembler);
      assembler.handTo(second.sink);
      const toldByThen = structuredClone(first.messages);
      for (const step of all.slice(at)) step(assembler);
      expect(first.messages).toEqual(toldByThen);
      const [rest, ...others] = second.messages;
      const before = first.messages.at(-1);
      if (before !== undefined && !before.ended) Object.assign(before, { data: `${before.data}${rest?.data}`, ended: rest?.ended });
      else expect(rest).toMatchObject({ data: '', ended: false });
      const wanted = messages.map(({ contextId: id, messageId, data }) => ({
        ...{ contextId: id, messageId, ended: true },
        data: data === null ? undefined : Buffer.from(data).toString('hex'),
      }));
      expect([...first.messages, ...others]).toEqual(wanted);
      expect([assembler.midMessage, assembler.midCommand]).toEqual([false, false]);
    }),
  );
});

test('a message that another is mixed into is refused where that begins, and says how far it was', () => {
  const other = fc.constantFrom('context' as const, 'part' as const);
  fc.assert(
    fc.property(message, other, fc.nat(), (one, how, where) => {
      const assembler = new MessageAssembler(told().sink, { maxCommandBytes: 1000 });
      const parts = one.parts.filter(({ kind }) => kind !== 'stray');
      const part = parts[where % parts.length] as Part;
      for (const before of parts.slice(0, parts.indexOf(part))) for (const step of steps(before)) step(assembler);
      const control = part.kind === 'command' ? 1 : 0;
      // A data set is expected as soon as its command is whole.
      if (part.kind === 'command') {
        assembler.pdv(part.contextId, control);
        assembler.pdvEnd();
      }
      expect([assembler.midMessage, assembler.midCommand]).toEqual([true, part.kind === 'command']);
      const mixed = how === 'part' ? ([part.contextId, 1 - control] as const) : ([(part.contextId + 2) % 256, control] as const);
      expect(() => assembler.pdv(...mixed)).toThrow(expect.objectContaining({ code: 'message-malformed' }));
    }),
  );
});
