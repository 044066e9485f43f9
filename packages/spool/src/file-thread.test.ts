import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileThread } from './file-thread.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'spool-thread-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const room = (bytes: number) => Buffer.from(new SharedArrayBuffer(bytes));

it('many at once, in any turn: each has its own answer or error, and its own bytes', async () => {
  const thread = new FileThread();
  const names = Array.from({ length: 200 }, (_, number) => join(dir, String(number)));
  for (const [number, name] of names.entries()) if (number % 7 !== 0) writeFileSync(name, `file ${number}`);
  const answers = await Promise.allSettled(
    names.map(async (name, number) => {
      for (let turn = number % 5; turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
      const into = room(20);
      const { headBytes } = await thread.readStart(name, into);
      await thread.unlink(name);
      return into.subarray(0, headBytes).toString();
    }),
  );
  for (const [number, answer] of answers.entries()) {
    if (number % 7 === 0) expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'ENOENT' } });
    else expect(answer).toEqual({ status: 'fulfilled', value: `file ${number}` });
  }
  expect(names.filter((name) => existsSync(name))).toEqual([]);
});

it('what it cannot even be asked fails, and the next call is answered', async () => {
  const thread = new FileThread();
  const name = join(dir, 'a');
  writeFileSync(name, 'here');
  const impossible = Object.assign(() => {}, room(1)) as unknown as Uint8Array;
  await expect(thread.readStart(name, impossible)).rejects.toMatchObject({ code: 'EIO' });
  const into = room(4);
  expect(await thread.readStart(name, into)).toMatchObject({ headBytes: 4, fileBytes: 4 });
  expect(into.toString()).toBe('here');
});
