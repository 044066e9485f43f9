import { setImmediate as turn } from 'node:timers/promises';
import { start } from './contract/sample.ts';
import { MemoryMachine } from './memory-machine.ts';
import { Spool } from './spool.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';

let machine: MemoryMachine;
let nowMs: number;
/** Syncs of the trial's file do not end. */
let hangs: boolean;
let release: () => void;

function hanging(fileSystem: SpoolFileSystem): SpoolFileSystem {
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const create = async (path: string) => {
    const file = await fileSystem.create(path);
    return { ...file, datasync: () => (hangs && path.endsWith('/trial') ? gate : file.datasync()) };
  };
  return { ...fileSystem, create };
}

function open(): Promise<Spool> {
  return Spool.open({
    dir: '/data/spool',
    fileSystem: hanging(machine.boot()),
    clock: { now: () => nowMs },
    limits: { minFreeBytes: 0, minFreeFiles: 0 },
  });
}

/** What a watch that asks now and then gets to know. */
async function told(spool: Spool, reason: string | undefined): Promise<void> {
  for (let seconds = 0; seconds < 60; seconds++) {
    if ((await spool.check())?.reason === reason) return;
    nowMs += 1_000;
    await turn();
  }
  throw new Error(`it is still ${spool.refusal?.reason}`);
}

beforeEach(() => {
  machine = new MemoryMachine({ seed: 3 });
  nowMs = 1_700_000_000_000;
  hangs = false;
});

it.each(['EROFS', 'EIO', 'ENOSPC'] as const)(
  'a volume on which writing fails with %s is told before the first instance needs it',
  async (code) => {
    const spool = await open();
    expect(await spool.check()).toBeUndefined();
    machine.fault = (operation, path) => (operation === 'write' && path.endsWith('/trial') ? code : undefined);
    await told(spool, 'unwritable');
    expect(spool.accepting).toBe(false);
    await expect(spool.begin(start)).rejects.toMatchObject({
      code: 'not-accepting',
      message: expect.stringContaining('/data/spool/trial'),
    });
    machine.fault = () => undefined;
    await told(spool, undefined);
    await (await spool.begin(start)).discard();
    await spool.close();
    // Nothing stays of it, and it counts for nothing.
    expect([...machine.disk.files()].map(([path]) => path)).toEqual(['/data/spool/owner.lock']);
  },
);

it('a volume that hangs is told, by calls that do not wait for it; and when it has ended', async () => {
  const spool = await open();
  hangs = true;
  await told(spool, 'unwritable');
  expect(spool.refusal?.message).toMatch(/\d+ s ago is not synced yet/);
  hangs = false;
  release();
  await told(spool, undefined);
  await spool.close();
});

it('what a run left that was killed in the middle of one does not disturb the next', async () => {
  const first = await open();
  machine.fault = (operation, path) => (operation === 'datasync' && path.endsWith('/trial') ? 'kill' : undefined);
  await first.check();
  while ((machine.counts.datasync ?? 0) === 0) await turn();
  machine.fault = () => undefined;
  const second = await open();
  expect(machine.disk.at('/data/spool/trial')).toBeDefined();
  await second.check();
  await second.close();
  expect(machine.disk.at('/data/spool/trial')).toBeUndefined();
  expect(second.recovery.findings).toEqual([]);
});
