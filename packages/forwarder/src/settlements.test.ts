import { type Ending, type Lease, LeaseLost, QueueUnavailable } from '@radiotracer/queue';
import fc from 'fast-check';
import { Pauses } from './pauses.ts';
import { type Settled, Settlements } from './settlements.ts';
import { ManualClock, turns } from './testing/manual-clock.ts';

type Answer = 'settled' | 'gone' | 'stale' | 'away' | 'all away' | 'mistake';

const gatherMs = 20;
const startedAt = 1_800_000_000_000;

/**
 * A schedule that answers for each lease by its own list, and then that it is settled. `all away`: for all that are asked for with it; `away` of
 * the world: it is not there at all.
 */
function scene(answersOf: ReadonlyMap<string, readonly Answer[]> = new Map(), takesMs = 0) {
  const clock = new ManualClock(startedAt);
  const pauses = new Pauses(clock);
  /** Each asking, in order: of which leases, when. */
  const askings: { readonly at: number; readonly ids: readonly string[] }[] = [];
  /** What each was answered; a call that failed for a mistake in another answers none. */
  const answers = new Map<string, Answer[]>();
  const world = { away: false, underWay: 0, mostUnderWay: 0 };
  const queue = {
    async settleMany(endings: readonly Ending[], now: number): Promise<(LeaseLost | QueueUnavailable | undefined)[]> {
      const ids = endings.map(({ lease }) => lease.id);
      askings.push({ at: now, ids });
      world.mostUnderWay = Math.max(world.mostUnderWay, ++world.underWay);
      await new Promise<void>((resolve) => (takesMs === 0 ? setImmediate(resolve) : void clock.setTimer(resolve, takesMs)));
      world.underWay--;
      const note = (id: string, answer: Answer) => {
        answers.set(id, [...(answers.get(id) ?? []), answer]);
        return answer;
      };
      const due = ids.map((id): Answer => answersOf.get(id)?.[answers.get(id)?.length ?? 0] ?? 'settled');
      if (world.away || due.includes('all away')) {
        for (const id of ids) note(id, 'away');
        throw new QueueUnavailable('disconnected', 'away');
      }
      if (due.includes('mistake')) {
        if (ids.length === 1) note(ids[0] ?? '', 'mistake');
        throw new RangeError(ids.join());
      }
      return ids.map((id, index) => {
        const answer = note(id, due[index] ?? 'settled');
        if (answer === 'away') return new QueueUnavailable('refused', 'not this one');
        return answer === 'settled' ? undefined : new LeaseLost(answer === 'gone' ? 'gone' : 'stale');
      });
    },
  };
  const settlements = new Settlements({ queue, pauses, gatherMs, clock, random: () => 1 });
  /** Of each its end, when it has come. */
  const ends = new Map<string, { readonly at: number; readonly settled: Settled | string }>();
  const settle = (id: string, leaseMs = 60_000) => {
    const now = clock.now();
    const lease: Lease = {
      destinationId: 'pacs',
      ownerId: 'proxy',
      id,
      token: id,
      holder: 'test',
      claimedAt: now,
      expiresAt: now + leaseMs,
    };
    const ended = (settled: Settled | string) => void ends.set(id, { at: clock.now(), settled });
    void settlements.settle(lease, { kind: 'delivered' }).then(ended, (error: Error) => ended(`${error.name} ${error.message}`));
    return lease;
  };
  return { clock, pauses, settlements, settle, askings, answers, ends, world };
}

const answer = fc.constantFrom<Answer>('settled', 'gone', 'stale', 'away', 'all away', 'mistake');
const settling = fc.record({
  waitMs: fc.constantFrom(0, 0, 0, 0, 1, gatherMs, 700),
  answers: fc.array(answer, { maxLength: 5 }),
  leaseMs: fc.constantFrom(0, 400, 4_000, 60_000),
});

it('each has one end, and the one that the schedule gave; away, it is asked until the lease is over; a mistake in one is none in others', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(settling, { minLength: 1, maxLength: 70 }), fc.constantFrom(0, 0, 50), async (all, takesMs) => {
      const answersOf = new Map(all.map(({ answers }, index) => [String(index), answers]));
      const { clock, settle, askings, answers, ends, world } = scene(answersOf, takesMs);
      const leases: Lease[] = [];
      for (const [index, { waitMs, leaseMs }] of all.entries()) {
        if (waitMs > 0) await clock.advance(waitMs);
        leases.push(settle(String(index), leaseMs));
      }
      await clock.advance(120_000);
      for (const [index, lease] of leases.entries()) {
        const id = String(index);
        const given = answers.get(id) ?? [];
        const last = given.at(-1);
        const end = ends.get(id);
        // Away each time, but for the last.
        expect(given.slice(0, -1).every((one) => one === 'away')).toBe(true);
        if (last === 'mistake') expect(end?.settled).toBe(`RangeError ${id}`);
        // That it is another's is known only of a lease that no earlier asking can have ended.
        else if (last === 'stale' && given.length === 1) expect(end?.settled).toBe('stale');
        else if (last === 'away') {
          expect(end?.settled).toBe('unsettled');
          expect(end?.at).toBeGreaterThanOrEqual(lease.expiresAt);
        } else expect(end?.settled).toBe('settled');
      }
      expect(world.mostUnderWay).toBe(1);
      expect(askings.every(({ ids }) => ids.length <= 32)).toBe(true);
      // In the order in which they came, whoever comes back.
      const first = [...new Set(askings.flatMap(({ ids }) => ids))];
      expect(first).toEqual(all.map((_, index) => String(index)));
    }),
    { numRuns: 60 },
  );
});

it('those that come together go together: after so long, or as soon as there are enough, or at once when there is no time', async () => {
  const { clock, settlements, settle, askings, ends } = scene();
  settle('first');
  await clock.advance(gatherMs - 1);
  settle('second');
  expect(askings).toEqual([]);
  await clock.advance(1);
  expect(askings).toEqual([{ at: startedAt + gatherMs, ids: ['first', 'second'] }]);
  const many = Array.from({ length: 33 }, (_, index) => `of many ${index}`);
  for (const id of many) settle(id);
  await turns();
  expect(askings.slice(1).map(({ ids }) => ids)).toEqual([many.slice(0, 32), many.slice(32)]);
  settle('waits');
  await turns();
  expect(ends.has('waits')).toBe(false);
  settlements.hurry();
  await turns();
  expect(ends.get('waits')?.settled).toBe('settled');
  settle('late');
  await turns();
  expect(ends.get('late')?.settled).toBe('settled');
});

it('a schedule that is away is asked again after longer and longer, by all together; what is over while it is away is left, and what comes then is not delayed by it', async () => {
  const { clock, settlements, settle, askings, ends, world } = scene();
  world.away = true;
  settle('short', gatherMs + 500);
  settle('long', 40_000);
  await clock.advance(gatherMs);
  expect(settlements.isAway).toBe(true);
  await clock.advance(1_000);
  settle('came meanwhile', 60_000);
  await clock.advance(29_000);
  const at = askings.map((asking) => asking.at - startedAt - gatherMs);
  expect(at).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 25_500]);
  expect(askings.map(({ ids }) => ids)).toEqual([...Array(2).fill(['short', 'long']), ...Array(5).fill(['long', 'came meanwhile'])]);
  expect(ends.get('short')).toEqual({ at: startedAt + gatherMs + 500, settled: 'unsettled' });
  expect([ends.size, settlements.isAway]).toEqual([1, true]);
  world.away = false;
  await clock.advance(10_000);
  expect(ends.get('long')?.settled).toBe('settled');
  expect([ends.get('came meanwhile')?.settled, settlements.isAway]).toEqual(['settled', false]);
  // Nobody is left to be asked for again: the next one finds no rest.
  world.away = true;
  settle('over already', 0);
  await clock.advance(gatherMs);
  world.away = false;
  settle('after it');
  await clock.advance(gatherMs);
  expect([ends.get('over already')?.settled, ends.get('after it')?.settled]).toEqual(['unsettled', 'settled']);
  // The next outage begins with short waits again.
  world.away = true;
  settle('next');
  await clock.advance(gatherMs + 500);
  expect(askings.slice(-2).map((asking) => asking.ids)).toEqual([['next'], ['next']]);
});

it('a schedule that answers for some and not for others is not asked again for those; it counts as there again when none is left', async () => {
  const { clock, settlements, settle, askings, ends } = scene(new Map([['slow', ['away', 'away', 'stale']]]));
  settle('quick');
  settle('slow');
  await clock.advance(gatherMs);
  expect([ends.get('quick')?.settled, ends.has('slow'), settlements.isAway]).toEqual(['settled', false, true]);
  await clock.advance(1_500);
  // An earlier asking may have reached it all the same.
  expect([ends.get('slow')?.settled, settlements.isAway]).toEqual(['settled', false]);
  expect(askings.map(({ ids }) => ids)).toEqual([['quick', 'slow'], ['slow'], ['slow']]);
});

it('at the end of all time what the schedule does not take is left at once, and one last time is asked for each', async () => {
  const { clock, pauses, settlements, settle, askings, ends, world } = scene();
  world.away = true;
  settle('before');
  await clock.advance(gatherMs);
  pauses.end();
  await turns();
  expect(ends.get('before')?.settled).toBe('unsettled');
  settlements.hurry();
  settle('after');
  await turns();
  expect([ends.get('after')?.settled, askings.length]).toEqual(['unsettled', 3]);
});
