import { systemClock } from './clock.ts';

const dayMs = 86_400_000;
const { setTimeout: nodesOwn, clearTimeout: nodesOwnClear } = globalThis;

afterEach(() => Object.assign(globalThis, { setTimeout: nodesOwn, clearTimeout: nodesOwnClear }));

test('a time-out longer than Node’s longest timer, some 24 days, comes when it is due and not at once', () => {
  let waiting: { readonly call: () => void; readonly delayMs: number }[] = [];
  const set = (call: () => void, delayMs: number) => {
    const timer = { call, delayMs, unref: () => timer };
    waiting.push(timer);
    return timer;
  };
  const clear = (timer: object) => {
    waiting = waiting.filter((other) => other !== timer);
  };
  Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
  let calls = 0;
  let waitedMs = 0;
  const next = () => {
    const [timer] = waiting.splice(0, 1);
    // What is longer Node calls after 1 ms.
    expect(timer?.delayMs).toBeLessThan(2 ** 31);
    waitedMs += timer?.delayMs ?? 0;
    timer?.call();
  };

  systemClock.setTimer(() => calls++, 60 * dayMs);
  while (calls === 0) next();
  expect([waitedMs, waiting]).toEqual([60 * dayMs, []]);

  const cancelled = systemClock.setTimer(() => calls++, 60 * dayMs);
  next();
  cancelled.cancel();
  expect([calls, waiting]).toEqual([1, []]);
});
