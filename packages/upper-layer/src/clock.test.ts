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

test('follows where the machine slept or was set forward, and never goes back; a time that is wrong by weeks is not followed', () => {
  const { now: dateOwn } = Date;
  const { now: elapsedOwn } = performance;
  let elapsedMs = elapsedOwn.call(performance);
  let date = systemClock.now();
  try {
    Date.now = () => date;
    performance.now = () => elapsedMs;
    const later = (passedMs: number, dateMs: number) => {
      elapsedMs += passedMs;
      date += dateMs;
      return systemClock.now();
    };
    const began = later(2000, 2000);
    expect(later(2000, 2500) - began).toBeCloseTo(2000, -1);
    expect(later(2000, 3_602_000) - began).toBeCloseTo(3_604_500, -1);
    expect(later(2000, -3_600_000) - began).toBeCloseTo(3_606_500, -1);
    expect(later(2000, 60 * dayMs) - began).toBeCloseTo(3_608_500, -1);
  } finally {
    Date.now = dateOwn;
    performance.now = elapsedOwn;
  }
});
