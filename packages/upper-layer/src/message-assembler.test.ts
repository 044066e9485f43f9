import { type CommandSet, commandSet, encodeCommandSet } from '@radiotracer/wire';
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
