import type { Patience } from './operation-log.ts';
import { ResponseWatch } from './response-watch.ts';

const storeMs = 60_000;
const dimseMs = 30_000;

/** A watch on a clock that stands still until it is told to go on, and may jump: timers do not follow a jump. */
function scene(limits = { dimseResponseMs: dimseMs, storeResponseMs: storeMs }) {
  const world = {
    steadyMs: 0,
    jumpedMs: 0,
    stalledSince: undefined as number | undefined,
    patience: undefined as Patience | undefined,
    looks: [] as number[],
    timedOut: [] as Patience['by'][],
  };
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  const asked: unknown[] = [];
  const watch = new ResponseWatch({
    clock: {
      now: () => world.steadyMs + world.jumpedMs,
      setTimer: (callback, delayMs) => {
        const timer = { at: world.steadyMs + delayMs, callback };
        timers.add(timer);
        return { cancel: () => void timers.delete(timer) };
      },
    },
    limits,
    stalledSince: () => {
      world.looks.push(world.steadyMs);
      return world.stalledSince;
    },
    patienceEnds: (...given) => {
      asked.push(given);
      return world.patience;
    },
    timedOut: (by) => world.timedOut.push(by),
  });
  const advance = (byMs: number) => {
    const until = world.steadyMs + byMs;
    for (;;) {
      const [next] = [...timers].filter(({ at }) => at <= until).sort((one, other) => one.at - other.at);
      if (next === undefined) break;
      timers.delete(next);
      world.steadyMs = next.at;
      next.callback();
    }
    world.steadyMs = until;
  };
  return { world, watch, advance, timers, asked, limits };
}

test('a clock that jumps ahead is no time that a destination had for its answer; one that stays silent is given up after it', () => {
  const { world, advance } = scene();
  world.patience = { by: 'destination', endsAt: 60_000 };
  advance(29_000);
  world.jumpedMs = 3_600_000;
  advance(30_000);
  expect(world.timedOut).toEqual([]);
  advance(1000);
  expect(world.timedOut).toEqual(['destination']);
});

test('a jump of less than the shortest limit is time like other', () => {
  const { world, advance } = scene();
  world.patience = { by: 'destination', endsAt: 60_000 };
  advance(29_999);
  world.jumpedMs = dimseMs;
  advance(1);
  expect(world.timedOut).toEqual(['destination']);
});

test('whoever owes is given up at the end of patience, not before and not later, once; then nobody is watched any more', () => {
  for (const by of ['destination', 'modality'] as const) {
    const { world, advance, timers } = scene();
    world.patience = { by, endsAt: 70_001 };
    advance(70_000);
    expect(world.timedOut).toEqual([]);
    advance(1);
    expect(world.timedOut).toEqual([by]);
    advance(600_000);
    expect([world.timedOut, timers.size]).toEqual([[by], 0]);
  }
});

test('where nothing is owed one goes on looking, as often as the shorter of the limits says, and sees the first that is', () => {
  const { world, advance, asked, limits } = scene();
  advance(10 * dimseMs);
  expect(world.looks).toEqual(Array.from({ length: 10 }, (_, nth) => (nth + 1) * dimseMs));
  expect(asked[0]).toEqual([limits, undefined]);
  // It began between two looks.
  world.patience = { by: 'destination', endsAt: world.steadyMs + 45_000 };
  advance(44_999);
  expect(world.timedOut).toEqual([]);
  advance(1);
  expect(world.timedOut).toEqual(['destination']);
});

test('one that takes nothing of what there is for it is looked at more often: that it takes some, slowly, is seen', () => {
  const { world, advance, asked, limits } = scene();
  world.stalledSince = 0;
  world.patience = { by: 'destination', endsAt: 90_000 };
  advance(dimseMs);
  world.looks.length = 0;
  advance(dimseMs - 1);
  expect(world.looks).toHaveLength(7);
  expect(asked.at(-1)).toEqual([limits, 0]);
  world.stalledSince = undefined;
  advance(1);
  advance(29_999);
  expect([world.looks.length, world.timedOut]).toEqual([8, []]);
  advance(1);
  expect(world.timedOut).toEqual(['destination']);
});

test('a limit of zero is none: the other alone counts, and without both nobody is watched', () => {
  expect(scene({ dimseResponseMs: 0, storeResponseMs: 0 }).timers.size).toBe(0);
  for (const limits of [
    { dimseResponseMs: 0, storeResponseMs: 1 },
    { dimseResponseMs: 1, storeResponseMs: 0 },
  ]) {
    const { world, advance } = scene(limits);
    advance(3);
    expect(world.looks).toEqual([1, 2, 3]);
  }
});

test('cancelled, it looks no more', () => {
  const { world, watch, advance, timers } = scene();
  world.patience = { by: 'destination', endsAt: 60_000 };
  advance(dimseMs);
  watch.cancel();
  advance(600_000);
  expect([world.looks, world.timedOut, timers.size]).toEqual([[dimseMs], [], 0]);
});
