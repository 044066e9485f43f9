/** A volume that several proxies share, on the real file system. What nobody can look into loops: chmod would not stop root. */
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstanceId } from '@radiotracer/instance';
import { start } from './contract/sample.ts';
import { SharedSpool } from './shared-spool.ts';
import { Spool } from './spool.ts';
import type { SpoolError } from './spool-error.ts';

let dir = '';
const open: Spool[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'radiotracer-shared-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((spool) => spool.close()));
  await rm(dir, { recursive: true });
});

async function node(name: string): Promise<Spool> {
  await mkdir(join(dir, name));
  const spool = await Spool.open({ dir: join(dir, name), clock: Date, limits: { minFreeBytes: 0, minFreeFiles: 0 } });
  open.push(spool);
  return spool;
}

async function store(spool: Spool): Promise<InstanceId> {
  const writer = await spool.begin(start, { retained: [Buffer.alloc(100, 1)] });
  return (await writer.commit()).id;
}

it('what nobody can look into keeps nothing of the others from delivery, and is not taken for empty', async () => {
  const own = await node('n1');
  const there = await store(await node('n2'));
  // A volume has a folder of its own that only root may read.
  for (const name of ['lost+found', 'n3']) await symlink(name, join(dir, name));
  const shared = new SharedSpool({ dir, node: 'n1', own });
  const told: SpoolError[] = [];
  expect([...(await shared.others((error) => told.push(error))).keys()]).toEqual(['n2']);
  expect(told.map(({ where }) => where)).toEqual([join(dir, 'n3')]);
  const instance = await shared.read(there);
  await instance.close();
  const gone = await store(own);
  await own.remove(gone);
  // It may lie there: whoever takes it for gone forgets it.
  await expect(shared.read(gone)).rejects.toMatchObject({ name: 'SpoolError', where: join(dir, 'n3') });
  await rm(join(dir, 'n3'));
  await expect(shared.read(gone)).rejects.toMatchObject({ code: 'unknown-instance' });
});
