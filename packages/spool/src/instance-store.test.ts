/** The spool as the stage before it sees it: what is written before there is a place for it stands before what comes later. */
import type { Envelope, InstanceIntake } from '@radiotracer/instance';
import fc from 'fast-check';
import { start } from './contract/sample.ts';
import { instanceStore } from './instance-store.ts';
import { MemoryMachine } from './memory-machine.ts';
import { Spool, type SpoolLimits } from './spool.ts';

const dir = '/data/spool';

async function open(limits: Partial<SpoolLimits> = {}) {
  const fileSystem = new MemoryMachine({ seed: 5, capacityBytes: 64_000_000 }).boot();
  const spool = await Spool.open({ dir, fileSystem, clock: { now: () => 7 }, limits: { minFreeBytes: 0, minFreeFiles: 0, ...limits } });
  const committed: Envelope[] = [];
  const failed: unknown[] = [];
  const listener = {
    committed: (envelope: Envelope) => committed.push(envelope),
    failed: (_: unknown, error: unknown) => failed.push(error),
  };
  return { spool, store: instanceStore(spool, listener, () => 7), committed, failed };
}

/** As the stages write: `drained` is waited for where it is asked for, and only there; the memory is used again at once. */
async function writeAll(intake: InstanceIntake, pieces: readonly Uint8Array[]): Promise<void> {
  const memory = Buffer.alloc(40_000);
  for (const piece of pieces) {
    memory.set(piece);
    const goOn = intake.write(memory.subarray(0, piece.length));
    memory.fill('used again');
    if (!goOn) await intake.drained;
  }
}

async function read(spool: Spool, { id }: Envelope): Promise<Buffer> {
  const instance = await spool.read(id);
  const pieces: Buffer[] = [];
  for await (const piece of instance.dataSet()) pieces.push(Buffer.from(piece));
  await instance.close();
  return Buffer.concat(pieces);
}

it('keeps every byte in its order, however it is cut, and whether or not there was a place already', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat({ max: 40_000 }), { maxLength: 8 }),
      fc.boolean(),
      fc.boolean(),
      async (sizes, waits, provisionally) => {
        const { spool, store, committed } = await open();
        const pieces = sizes.map((bytes, at) => Buffer.alloc(bytes, `${at}${bytes} `));
        const whole = Buffer.concat(pieces);
        const intake = store.begin(start, provisionally);
        if (waits) await intake.drained;
        await writeAll(intake, pieces);
        await intake.commit({});
        expect((await read(spool, committed[0] as Envelope)).equals(whole)).toBe(true);
        await spool.close();
      },
    ),
    { numRuns: 60 },
  ));

it('leaves nothing of what is discarded, before there is a place for it and after', async () => {
  const { spool, store, committed, failed } = await open();
  const early = store.begin(start);
  await writeAll(early, [Buffer.alloc(1000)]);
  early.discard();
  const late = store.begin(start);
  await late.drained;
  await writeAll(late, [Buffer.alloc(40_000)]);
  late.discard();
  // Closing would discard them too.
  while (spool.usage.incoming.instances > 0) await new Promise(setImmediate);
  await spool.close();
  expect(spool.usage).toMatchObject({ incoming: { instances: 0, bytes: 0 }, waiting: { instances: 0, bytes: 0 } });
  expect([committed, failed]).toEqual([[], []]);
});

it('a spool that takes nothing: whoever waits or commits hears of it, and the listener once; what comes all the same takes no memory', async () => {
  const { spool, store, committed, failed } = await open({ minFreeBytes: 65_000_000 });
  expect(store.accepting).toBe(false);
  const intake = store.begin(start);
  const refused = { code: 'not-accepting' };
  expect(intake.write(Buffer.alloc(65_536))).toBe(false);
  await expect(intake.drained).rejects.toMatchObject(refused);
  const piece = new Uint8Array(2 ** 20);
  const before = process.memoryUsage().arrayBuffers;
  for (let mebibytes = 0; mebibytes < 128; mebibytes++) expect(intake.write(piece)).toBe(false);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 2 ** 20);
  await expect(intake.commit({})).rejects.toMatchObject(refused);
  intake.discard();
  await spool.close();
  expect(failed).toEqual([expect.objectContaining(refused)]);
  expect(committed).toEqual([]);
});
