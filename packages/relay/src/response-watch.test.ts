import { ResponseWatch } from './response-watch.ts';

test('a clock that jumps ahead is no time that a destination had for its answer; one that stays silent is given up after it', () => {
  let steadyMs = 0;
  let jumpedMs = 0;
  let timedOut = 0;
  let timer: { readonly at: number; readonly callback: () => void } | undefined;
  const advance = (byMs: number) => {
    const until = steadyMs + byMs;
    while (timer !== undefined && timer.at <= until) {
      const { at, callback } = timer;
      [timer, steadyMs] = [undefined, at];
      callback();
    }
    steadyMs = until;
  };
  new ResponseWatch({
    clock: {
      now: () => steadyMs + jumpedMs,
      setTimer: (callback, delayMs) => {
        timer = { at: steadyMs + delayMs, callback };
        return { cancel: () => {} };
      },
    },
    limits: { dimseResponseMs: 30_000, storeResponseMs: 60_000 },
    stalledSince: () => undefined,
    patienceEnds: () => ({ by: 'destination', endsAt: 60_000 }),
    timedOut: () => timedOut++,
  });
  advance(29_000);
  jumpedMs = 3_600_000;
  advance(30_000);
  expect(timedOut).toBe(0);
  advance(1000);
  expect(timedOut).toBe(1);
});
