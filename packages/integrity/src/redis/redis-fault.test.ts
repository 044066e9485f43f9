import { redisFault } from './redis-fault.ts';

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });

it('tells what a server says of itself, and nothing that it quotes of a command', () => {
  expect(redisFault(reply("OOM command not allowed when used memory > 'maxmemory'."))).toMatchObject({
    code: 'refused',
    message: "Redis: OOM command not allowed when used memory > 'maxmemory'.",
  });
  expect(redisFault(reply("NOPERM no permissions to run 'evalsha', with args beginning with: 'c2' '1.2.3'"))).toMatchObject({
    code: 'refused',
    message: "Redis: NOPERM no permissions to run 'evalsha'",
  });
  const ours = reply("ERR unknown command 'evalsha', with args beginning with: 'c2' '1.2.3' 'READONLY'");
  expect(redisFault(ours)).toBe(ours);
});
