import fc from 'fast-check';
import { InstanceIds, isInstanceId, timeOf } from './instance-id.ts';

const seeded = (seed: number) => (bytes: Uint8Array) => {
  let state = seed | 1;
  for (let at = 0; at < bytes.length; at++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    bytes[at] = state >>> 24;
  }
};

it('sorts by arrival, whatever the clock and chance do, across runs too', () => {
  const clockMs = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2 ** 48 - 2 }));
  // All ones overflow when they count up, all zeros are the least.
  const fill = fc.oneof(fc.constantFrom(0, 0xff), fc.integer({ min: 0, max: 0xff }));
  fc.assert(
    fc.property(fc.array(fc.tuple(clockMs, fill, fc.boolean()), { minLength: 2, maxLength: 60 }), (steps) => {
      let nowMs = 0;
      let byte = 0;
      const sources = { now: () => nowMs, random: (bytes: Uint8Array) => void bytes.fill(byte) };
      let ids = new InstanceIds(sources);
      let last = '';
      for (const [clock, filled, restart] of steps) {
        nowMs = clock;
        byte = filled;
        if (restart && last !== '') ids = new InstanceIds(sources, last);
        const id = ids.next();
        expect(isInstanceId(id)).toBe(true);
        expect(id > last).toBe(true);
        last = id;
      }
    }),
  );
});

it('carries the time, and all 80 random bits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), fc.integer(), fc.nat(79), (nowMs, seed, bit) => {
      const random = seeded(seed);
      const id = new InstanceIds({ now: () => nowMs, random }).next();
      expect(timeOf(id)).toBe(nowMs);
      const flipped = (bytes: Uint8Array) => {
        random(bytes);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      };
      expect(new InstanceIds({ now: () => nowMs, random: flipped }).next()).not.toBe(id);
    }),
  );
});

it('knows its own from what else may be called so', () => {
  for (const name of [
    '',
    '.',
    '..',
    '01HZZZZZZZZZZZZZZZZZZZZZZ',
    '01HZZZZZZZZZZZZZZZZZZZZZZZZ',
    '01hzzzzzzzzzzzzzzzzzzzzzzz',
    '01HZZZZZZZZZZZZZZZZZZZZZZI',
  ])
    expect(isInstanceId(name)).toBe(false);
  expect(() => new InstanceIds({ now: () => 0, random: () => {} }, '../../x')).toThrow(RangeError);
});

it('two runs that follow the same id give out different ones, though the clock stands before it', () => {
  const last = new InstanceIds({ now: () => 5000, random: seeded(1) }).next();
  const runs = [3, 5].map((seed) => new InstanceIds({ now: () => 1000, random: seeded(seed) }, last));
  const ids = runs.flatMap((run) => [run.next(), run.next()]);
  expect(new Set([last, ...ids]).size).toBe(5);
});
