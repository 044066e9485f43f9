import { type Claimed, openMemoryQueue, type Queue } from '@radiotracer/queue';
import type { Held } from './held.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { defaultTuning } from './ports.ts';
import { FickleQueue } from './testing/fickle-queue.ts';
import { ManualClock } from './testing/manual-clock.ts';

const leaseMs = 60_000;
const startedAt = 1_800_000_000_000;

/** Instances that are claimed by us and kept; the clock may be set ahead, as by a machine that slept: timers do not follow it. */
async function scene(instances = 1) {
  const manual = new ManualClock(startedAt);
  const sleep = { ms: 0 };
  const clock = { now: () => manual.now() + sleep.ms, setTimer: manual.setTimer.bind(manual) };
  const queue = openMemoryQueue();
  const fickle = new FickleQueue(queue);
  const told = { lost: [] as string[], failed: [] as unknown[], extended: [] as string[] };
  const before: { extend: (id: string) => unknown } = { extend: () => {} };
  const extend: Queue['extend'] = async (lease, ms, now) => {
    told.extended.push(lease.id);
    await before.extend(lease.id);
    return await fickle.view.extend(lease, ms, now);
  };
  const lost = ({ entry }: Held) => void told.lost.push(entry.id);
  const leases = new LeaseKeeper({ queue: { extend }, clock, leaseMs, lost, failed: (error) => void told.failed.push(error) });
  const facts = { destinationId: 'pacs', studyKey: '1.2', sopInstanceUid: '1.2.3', sopClassUid: '1.2.4', transferSyntaxUid: '1.2.5' };
  for (let nth = 1; nth <= instances; nth++) {
    await queue.add({ ...facts, ownerId: 'proxy', id: `${nth}`, callingAeTitle: 'CT', bytes: 10, receivedAt: startedAt });
  }
  const claim = (leaseHolder: string): Promise<readonly Claimed[]> =>
    queue.claim({ destinationId: 'pacs', leaseHolder, leaseMs, limit: 1000, now: clock.now() });
  const held = (await claim('us')).map((one) => ({ ...one, fileBytes: 10, lost: false, reading: undefined }) as unknown as Held);
  for (const one of held) leases.keep(one);
  /** As others see it. */
  const expiresAt = async () => (await queue.page({}, undefined, 10)).entries.map(({ lease }) => (lease?.expiresAt ?? 0) - clock.now());
  /** Our leases are over, and another has claimed what we hold. */
  const takenByAnother = async () => {
    await queue.reclaimExpired(clock.now());
    return await claim('another');
  };
  return { manual, clock, sleep, queue, fickle, leases, held, told, before, expiresAt, takenByAnother };
}

const only = (held: readonly Held[]): Held => held[0] as Held;

it('what is begun is ours for a while yet: a lease that ends soon is prolonged before, and one that has time is not', async () => {
  const { clock, sleep, leases, held, told, expiresAt } = await scene();
  sleep.ms = (leaseMs * 2) / 3;
  expect(await leases.secure(only(held))).toBe(true);
  expect([told.extended, await expiresAt()]).toEqual([[], [leaseMs / 3]]);
  sleep.ms++;
  expect(await leases.secure(only(held))).toBe(true);
  expect(await expiresAt()).toEqual([leaseMs]);
  expect(only(held).lease.expiresAt).toBe(clock.now() + leaseMs);
});

it('what another has taken is not begun, and told as lost once: while we slept, or because its clock is ahead of ours', async () => {
  for (const sleepMs of [leaseMs, leaseMs - 1]) {
    const { sleep, queue, leases, held, told, takenByAnother } = await scene();
    sleep.ms = sleepMs;
    await queue.reclaimExpired(startedAt + leaseMs);
    expect(await takenByAnother()).toHaveLength(1);
    expect(await leases.secure(only(held))).toBe(false);
    expect(await leases.secure(only(held))).toBe(false);
    expect([told.lost, told.extended, only(held).lost]).toEqual([['1'], ['1'], true]);
  }
});

it("a lease that is over and still ours is begun; with the schedule away it may be another's from the very moment of its end", async () => {
  const { sleep, fickle, leases, held, expiresAt } = await scene();
  fickle.away = true;
  sleep.ms = leaseMs - 1;
  expect(await leases.secure(only(held))).toBe(true);
  sleep.ms = leaseMs;
  expect(await leases.secure(only(held))).toBe(false);
  fickle.away = false;
  sleep.ms = 2 * leaseMs;
  expect(await leases.secure(only(held))).toBe(true);
  expect(await expiresAt()).toEqual([leaseMs]);
});

it("held for hours, nothing is ever another's, also when the schedule is away for half of the time of a lease; what is let go is", async () => {
  const { manual, fickle, leases, held, told, expiresAt, takenByAnother } = await scene(3);
  for (let minutes = 0; minutes < 120; minutes++) {
    fickle.away = minutes % 10 === 5;
    await manual.advance(leaseMs / 2);
    fickle.away = false;
    await manual.advance(leaseMs / 2);
    expect(Math.min(...(await expiresAt()))).toBeGreaterThan(leaseMs / 5);
  }
  // Not at each look.
  expect(told.extended.length).toBeLessThan(3 * 120 * 2.5);
  let closed = 0;
  Object.assign(held[1] as Held, { reading: { close: () => closed++ } });
  leases.drop(held[1] as Held);
  expect(closed).toBe(1);
  expect(leases.size).toBe(2);
  await manual.advance(leaseMs);
  expect(await takenByAnother()).toMatchObject([{ entry: { id: '2' } }]);
  leases.close();
  await manual.advance(leaseMs);
  expect((await takenByAnother()).length).toBe(3);
  expect([told.lost, told.failed]).toEqual([[], []]);
});

it('as many as are claimed at once stay ours behind a line to the schedule on which an answer takes a twentieth of a lease', async () => {
  const { manual, leases, told, before, takenByAnother } = await scene(defaultTuning.maxClaimed);
  before.extend = () => new Promise<void>((resolve) => manual.setTimer(resolve, leaseMs / 20));
  await manual.advance(leaseMs * 3);
  expect((await takenByAnother()).length).toBe(0);
  expect([told.lost, leases.size]).toEqual([[], defaultTuning.maxClaimed]);
});

it('of what is lost each is told once and asked for no more; the others are kept', async () => {
  const { manual, sleep, queue, leases, held, told, takenByAnother, clock } = await scene(2);
  sleep.ms = leaseMs;
  await queue.extend(only(held).lease, leaseMs, clock.now());
  expect(await takenByAnother()).toMatchObject([{ entry: { id: '2' } }]);
  await manual.advance(3 * leaseMs);
  expect(told.lost).toEqual(['2']);
  expect(told.extended.filter((id) => id === '2')).toHaveLength(1);
  expect(await leases.secure(only(held))).toBe(true);
});

it('what is settled by ourselves while its lease is being prolonged is not lost', async () => {
  const { manual, queue, leases, held, told, before, clock } = await scene();
  before.extend = () => {
    leases.drop(only(held));
    void queue.settle(only(held).lease, { kind: 'delivered' }, clock.now());
  };
  await manual.advance(leaseMs);
  expect([told.extended, told.lost, only(held).lost]).toEqual([['1'], [], false]);
});

it('the schedule away is asked once a look, whatever is held; a mistake is told, and there is another look after it', async () => {
  const { manual, fickle, told, before, expiresAt } = await scene(3);
  fickle.away = true;
  await manual.advance(leaseMs / 2);
  expect(told.extended).toHaveLength(1);
  fickle.away = false;
  before.extend = () => {
    throw new RangeError('a mistake');
  };
  await manual.advance(leaseMs / 4);
  expect(told.failed).toMatchObject([{ message: 'a mistake' }]);
  before.extend = () => {};
  await manual.advance(leaseMs / 4);
  expect(await expiresAt()).toEqual([leaseMs, leaseMs, leaseMs]);
  expect(told.lost).toEqual([]);
});
