import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSpoolOwned, whyNotOpen } from './before-opening.ts';
import { Spool } from './spool.ts';
import type { SpoolError } from './spool-error.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'radiotracer-before-'));
});
afterEach(() => rm(root, { recursive: true }));

const failureOf = (dir: string): Promise<SpoolError | undefined> =>
  Spool.open({ dir, clock: Date }).then(
    (spool) => spool.close().then(() => undefined),
    (error: SpoolError) => error,
  );
const tree = () => readdir(root, { recursive: true });

/** What each makes of a path, and what is told before it is opened. Root meets none of those that are about permissions: test/e2e has them. */
const inTheWay: readonly [string, string | undefined, (dir: string) => Promise<unknown>][] = [
  ['nothing there', undefined, async () => {}],
  ['an empty folder', undefined, (dir) => mkdir(dir, { recursive: true })],
  ['a file', 'a file of this name is there already', (dir) => mkdir(join(dir, '..')).then(() => writeFile(dir, ''))],
  ['a file above it', 'a part of this path is no folder', (dir) => writeFile(join(dir, '..'), '')],
  ['a link to nowhere', 'a link that leads nowhere', (dir) => mkdir(join(dir, '..')).then(() => symlink('/nowhere/at/all', dir))],
  [
    'a file in it where a folder is to be',
    'a file of this name is there already',
    (dir) => mkdir(dir, { recursive: true }).then(() => writeFile(join(dir, 'waiting'), '')),
  ],
];

test.each(inTheWay)('%s: what a start would fail with is told before, and nothing is made', async (_, what, make) => {
  const dir = join(root, 'var', 'spool');
  await make(dir);
  const before = await tree();
  const told = await whyNotOpen(dir);
  expect([told?.message, await tree()]).toEqual([what && expect.stringContaining(`: ${what}. `), before]);
  expect((await failureOf(dir))?.message).toBe(told?.message);
});

test('whether a live process has it is seen from beside it, and it keeps it', async () => {
  const dir = join(root, 'spool');
  expect([await isSpoolOwned(dir), await whyNotOpen(dir), await tree()]).toEqual([false, undefined, []]);
  const spool = await Spool.open({ dir, clock: Date });
  expect(await isSpoolOwned(dir)).toBe(true);
  const told = await whyNotOpen(dir);
  expect([told?.code, told?.message]).toEqual(['locked', (await failureOf(dir))?.message]);
  expect(await isSpoolOwned(dir)).toBe(true);
  await spool.close();
  expect([await isSpoolOwned(dir), await whyNotOpen(dir)]).toEqual([false, undefined]);
});

const itUnlessRoot = process.geteuid?.() === 0 ? test.skip : test;
itUnlessRoot('a folder that this user may not use, or make anything in', async () => {
  const dir = join(root, 'spool');
  await mkdir(dir, { mode: 0o500 });
  expect([(await whyNotOpen(dir))?.message, (await failureOf(dir))?.message]).toEqual(
    Array(2).fill(`open ${dir}: not permitted. Give the folder to the user that runs the proxy`),
  );
  const under = join(dir, 'spool');
  expect([(await whyNotOpen(under))?.message, (await failureOf(under))?.message]).toEqual(
    Array(2).fill(`make ${under}: not permitted. Make it, and give it to the user that runs the proxy`),
  );
  await chmod(dir, 0o700);
});
