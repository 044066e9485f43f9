/** The spool and a view of it, as two processes: whatever they do at the same time, nothing is lost, and the owner's counts come right again. */
import type { InstanceId } from '@radiotracer/instance';
import fc from 'fast-check';
import { start } from './contract/sample.ts';
import { type InstanceState, instanceStates } from './layout.ts';
import { MemoryMachine } from './memory-machine.ts';
import { Spool, type SpoolLimits } from './spool.ts';
import { SpoolError } from './spool-error.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';
import { SpoolView } from './spool-view.ts';

const dir = '/data/spool';
const anyLimits: Partial<SpoolLimits> = { minFreeBytes: 0, minFreeFiles: 0 };

class Bench {
  readonly machine: MemoryMachine;
  nowMs = 1_700_000_000_000;
  fileSystem: SpoolFileSystem;

  constructor(seed: number) {
    this.machine = new MemoryMachine({ seed });
    this.fileSystem = this.machine.boot();
  }

  async open(limits: Partial<SpoolLimits> = {}): Promise<{ spool: Spool; view: SpoolView }> {
    this.fileSystem = this.machine.boot();
    const { fileSystem } = this;
    const spool = await Spool.open({ dir, fileSystem, clock: { now: () => this.nowMs }, limits: { ...anyLimits, ...limits } });
    return { spool, view: new SpoolView({ dir, fileSystem }) };
  }
}

async function store(spool: Spool, bytes: number): Promise<InstanceId> {
  const writer = await spool.begin(start, { retained: [Buffer.alloc(bytes, 1)] });
  return (await writer.commit()).id;
}

async function states(view: SpoolView): Promise<Map<InstanceId, InstanceState>> {
  const found = new Map<InstanceId, InstanceState>();
  const failed = (error: SpoolError) => {
    throw error;
  };
  for await (const { id, state } of view.list(failed)) {
    expect(found.has(id)).toBe(false);
    found.set(id, state);
  }
  return found;
}

/** Lets those pass that say that it is not there. */
async function unlessUnknown(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof SpoolError && error.code === 'unknown-instance') return false;
    throw error;
  }
}

const call = fc.record({
  by: fc.constantFrom('spool' as const, 'view' as const),
  which: fc.nat(3),
  to: fc.constantFrom(...instanceStates, undefined),
});

it('owner and view move and remove the same instances at once: each is in one place or removed, and the counts come right', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(call, { minLength: 1, maxLength: 30 }), fc.nat(2), async (seed, calls, together) => {
      const bench = new Bench(seed);
      const { spool, view } = await bench.open();
      const ids: InstanceId[] = [];
      for (let at = 0; at < 4; at++) {
        ids.push(await store(spool, at * 100));
        // The folders' border lies between the second and the third.
        if (at === 1) bench.nowMs += 40_000;
      }
      const removed = new Set<InstanceId>();
      for (let at = 0; at < calls.length; at += together + 1) {
        await Promise.all(
          calls.slice(at, at + together + 1).map(async ({ by, which, to }) => {
            const id = ids[which] ?? '';
            const who = by === 'spool' ? spool : view;
            if (to !== undefined) await unlessUnknown(who.move(id, to));
            else if (await unlessUnknown(who.remove(id))) removed.add(id);
          }),
        );
      }
      const left = await states(view);
      expect([...left.keys()].sort()).toEqual(ids.filter((id) => !removed.has(id)).sort());
      // Twice: the second finds what a change under way made of the first.
      for (let count = 0; count < 2; count++) {
        bench.nowMs += 61_000;
        await spool.check();
      }
      const { incoming, totalBytes, isCounted, ...counted } = spool.usage;
      const found = await Promise.all((['waiting', 'held', 'dead', 'damaged'] as const).map(async (one) => [one, await view.amount(one)]));
      expect([counted, incoming.instances, isCounted]).toEqual([Object.fromEntries(found), 0, true]);
      expect(totalBytes).toBe(Object.values(counted).reduce((sum, { bytes }) => sum + bytes, 0));
      bench.machine.powerCut();
      const after = await states((await bench.open()).view);
      for (const [id] of left) expect(after.has(id)).toBe(true);
    }),
    { numRuns: 150 },
  );
});

it('a view that is killed, or loses its power, in the middle of a move leaves the instance where it was or where it goes', async () => {
  for (const end of ['kill', 'power-cut'] as const) {
    for (let endsBefore = 1; endsBefore <= 12; endsBefore++) {
      const bench = new Bench(endsBefore);
      const { spool, view } = await bench.open();
      const id = await store(spool, 1000);
      let count = 0;
      bench.machine.fault = () => (++count === endsBefore ? end : undefined);
      const moved = await view.move(id, 'held', ['waiting']).catch((error: unknown) => error);
      bench.machine.fault = undefined;
      bench.machine.powerCut();
      const after = (await states((await bench.open()).view)).get(id);
      if (moved === 'waiting') expect(after).toBe('held');
      else expect(['waiting', 'held']).toContain(after);
    }
  }
});

it('only from the states that were named; there already is as good', async () => {
  const { spool, view } = await new Bench(1).open();
  const id = await store(spool, 10);
  await spool.move(id, 'dead');
  await expect(view.move(id, 'held', ['waiting'])).rejects.toMatchObject({ code: 'unknown-instance' });
  expect(await view.move(id, 'waiting', ['dead'])).toBe('dead');
  expect(await view.move(id, 'waiting', ['dead'])).toBe('waiting');
});

it('room that a view makes in a full spool is noticed by its owner, though nothing is begun meanwhile', async () => {
  const bench = new Bench(3);
  const { spool, view } = await bench.open({ maxBytes: 100_000, highBytes: 80_000, lowBytes: 40_000 });
  const ids = [await store(spool, 40_000), await store(spool, 40_000)];
  expect(spool.accepting).toBe(false);
  for (const id of ids) await view.remove(id);
  await expect(spool.begin(start)).rejects.toMatchObject({ code: 'not-accepting' });
  bench.nowMs += 6000;
  await spool.check();
  expect([spool.accepting, spool.usage.totalBytes]).toEqual([true, 0]);
  await store(spool, 10);
});

it('the whole file is what lies on the disk, and its last piece comes only when the digest is right', async () => {
  const bench = new Bench(4);
  const { spool, view } = await bench.open();
  const id = await store(spool, 700_000);
  const [path, file] = [...bench.machine.disk.files()].find(([name]) => name.endsWith(`${id}.dcm`)) ?? [];
  const read = async () => {
    const pieces: Uint8Array[] = [];
    const instance = await view.read(id);
    for await (const piece of instance.wholeFile()) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  expect(path).toBeDefined();
  expect((await read()).equals(file?.bytes ?? Buffer.alloc(0))).toBe(true);
  if (file !== undefined) file.bytes[file.bytes.length - 1] = 0;
  await expect(read()).rejects.toMatchObject({ code: 'digest-mismatch' });
  await expect(view.verify(id)).rejects.toMatchObject({ code: 'digest-mismatch' });
});

it('where there is no spool there is nothing, and nothing is made', async () => {
  const { machine, fileSystem } = new Bench(5);
  const view = new SpoolView({ dir: '/elsewhere', fileSystem });
  expect((await states(view)).size).toBe(0);
  expect(await view.amount('waiting')).toEqual({ instances: 0, bytes: 0 });
  await expect(view.read('01HZZZZZZZZZZZZZZZZZZZZZZZ')).rejects.toMatchObject({ code: 'unknown-instance' });
  expect(machine.disk.at('/elsewhere')).toBeUndefined();
});
