/** Every operation of a run fails once, and the disk goes bad for good from every operation on: a typed refusal, nothing half, nothing lost. */
import type { InstanceId } from '@radiotracer/instance';
import { start } from './contract/sample.ts';
import { MemoryMachine, type MemoryOperation } from './memory-machine.ts';
import { Spool } from './spool.ts';
import { SpoolError } from './spool-error.ts';

const limits = { minFreeBytes: 1, maxUnwrittenBytes: 1000 };

interface Outcome {
  /** Committed, and where it is; not those whose move or removal failed on the way. */
  readonly safe: Map<InstanceId, 'waiting' | 'held' | 'dead'>;
  /** Commit was refused. */
  readonly refused: Set<InstanceId>;
  readonly errors: unknown[];
}

const bytesOf = (number: number) => Buffer.alloc(3000 + number * 130_000, number + 1);

/** Four instances at once, with their fates. */
async function run(spool: Spool): Promise<Outcome> {
  const outcome: Outcome = { safe: new Map(), refused: new Set(), errors: [] };
  const one = async (number: number) => {
    let id: InstanceId | undefined;
    try {
      const writer = await spool.begin({ ...start, receivedAt: number }, { retained: [bytesOf(number).subarray(0, 1500)] });
      ({ id } = writer);
      try {
        if (!writer.write(bytesOf(number).subarray(1500))) await writer.drained;
        if (number === 3) return await writer.discard();
        await writer.commit();
      } catch (error) {
        outcome.refused.add(id);
        await writer.discard();
        throw error;
      }
      outcome.safe.set(id, 'waiting');
      if (number === 0) return;
      outcome.safe.delete(id);
      if (number === 1) {
        await spool.move(id, 'held');
        outcome.safe.set(id, 'held');
      } else {
        await spool.remove(id);
      }
    } catch (error) {
      outcome.errors.push(error);
    }
  };
  await Promise.all([0, 1, 2, 3].map(one));
  return outcome;
}

async function listed(spool: Spool): Promise<Map<InstanceId, string>> {
  const found = new Map<InstanceId, string>();
  for await (const { id, state, envelope } of spool.list()) {
    await spool.verify(id);
    expect(envelope.dataSetBytes).toBe(bytesOf(envelope.receivedAt).length);
    found.set(id, state);
  }
  return found;
}

const open = (machine: MemoryMachine) =>
  Spool.open({ dir: '/spool', fileSystem: machine.boot(), clock: { now: () => 1_700_000_000_000 }, limits });

async function scenario(
  code: 'EIO' | 'ENOSPC' | 'EROFS',
  failing: (count: number, operation: MemoryOperation) => boolean,
): Promise<boolean> {
  const machine = new MemoryMachine({ seed: 3 });
  let fired = false;
  machine.fault = (operation, _path, count) => {
    if (!failing(count, operation)) return undefined;
    fired = true;
    return code;
  };
  let outcome: Outcome = { safe: new Map(), refused: new Set(), errors: [] };
  let spool: Spool | undefined;
  try {
    spool = await open(machine);
    outcome = await run(spool);
  } catch (error) {
    outcome.errors.push(error);
  }
  for (const error of outcome.errors) expect(error).toBeInstanceOf(SpoolError);
  machine.fault = undefined;
  if (spool !== undefined) {
    const found = await listed(spool);
    for (const [id, state] of outcome.safe) expect([id, found.get(id)]).toEqual([id, state]);
    await spool.close();
  }
  // A new process on the same disk; then one after a power cut.
  for (const cut of [false, true]) {
    if (cut) machine.powerCut();
    const again = await open(machine);
    const found = await listed(again);
    for (const [id, state] of outcome.safe) expect([id, found.get(id)]).toEqual([id, state]);
    await again.close();
  }
  return fired;
}

it.each(['EIO', 'ENOSPC'] as const)(
  '%s once, at every operation',
  async (code) => {
    let at = 1;
    while (await scenario(code, (count) => count === at)) at++;
    // All of a run, from the first mkdir to the last unlink.
    expect(at).toBeGreaterThan(50);
  },
  120_000,
);

it.each(['EIO', 'ENOSPC', 'EROFS'] as const)(
  '%s for ever, from every operation that writes on',
  async (code) => {
    const writing = new Set<MemoryOperation>(['mkdir', 'create', 'write', 'datasync', 'rename', 'unlink', 'rmdir', 'syncDirectory']);
    let at = 1;
    while (await scenario(code, (count, operation) => count >= at && writing.has(operation))) at++;
    expect(at).toBeGreaterThan(50);
  },
  120_000,
);

it('a refused commit leaves nothing in waiting, whichever operation refused it', async () => {
  let refusals = 0;
  for (let at = 1; at < 70; at++) {
    const machine = new MemoryMachine({ seed: 3, fault: (_operation, _path, count) => (count === at ? 'EIO' : undefined) });
    let spool: Spool;
    try {
      spool = await open(machine);
    } catch {
      continue;
    }
    const { refused } = await run(spool);
    machine.fault = undefined;
    const found = await listed(spool);
    for (const id of refused) expect(found.has(id)).toBe(false);
    refusals += refused.size;
    // Nothing of them is counted, nothing is left being written.
    expect(spool.usage.incoming).toEqual({ instances: 0, bytes: 0 });
    await spool.close();
  }
  expect(refusals).toBeGreaterThan(15);
}, 120_000);

it('a full volume refuses with no-space, and goes on when there is room again', async () => {
  const machine = new MemoryMachine({ seed: 5, capacityBytes: 350_000 });
  const spool = await Spool.open({ dir: '/spool', fileSystem: machine.boot(), clock: { now: () => 1 }, limits: { minFreeBytes: 0 } });
  const fits = await spool.begin(start, { retained: [bytesOf(1)] });
  const { id } = await fits.commit();
  const tooMuch = await spool.begin(start);
  tooMuch.write(bytesOf(2));
  await expect(tooMuch.commit()).rejects.toMatchObject({ code: 'no-space' });
  expect(spool.usage).toMatchObject({ waiting: { instances: 1 }, incoming: { instances: 0, bytes: 0 } });
  await spool.remove(id);
  await (await spool.begin(start, { retained: [bytesOf(2)] })).commit();
  expect(spool.usage.waiting.instances).toBe(1);
});
