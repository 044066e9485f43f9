/** Weeks of simulated life: silent is told within the habit, and never of a sound one. */
import fc from 'fast-check';
import { habitOf, Seen, silentFrom } from './habit.ts';
import { slotsPerHour, slotsPerWeek } from './local-time.ts';

const perDay = 24 * slotsPerHour;
const always = () => true;

/** Numbers from 0 to 1, the same for the same seed. */
function chance(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Slots in which it is seen. */
type Life = (random: () => number, weeks: number) => number[];

/** Monday to Friday, 7 to 18, some four studies an hour, a break at noon, now and then a long one. */
const weekdays: Life = (random, weeks) => {
  const seen: number[] = [];
  for (let day = 0; day < weeks * 7; day += 1) {
    if (day % 7 >= 5) continue;
    for (let at = 7 * slotsPerHour + random() * 4; at < 18 * slotsPerHour; ) {
      seen.push(day * perDay + Math.floor(at));
      const isNoon = at > 12 * slotsPerHour && at < 12.5 * slotsPerHour;
      at += 3 * (0.4 + 1.2 * random()) * (random() < 0.03 ? 3 : 1) + (isNoon ? 8 : 0);
    }
  }
  return [...new Set(seen)];
};

/** By chance alone: by day one and a half an hour, at night one in three hours. */
const emergency: Life = (random, weeks) => {
  const seen: number[] = [];
  for (let slot = 0; slot < weeks * slotsPerWeek; slot += 1) {
    const hour = Math.floor(slot / slotsPerHour) % 24;
    if (random() < 1 - Math.exp(-(hour >= 7 && hour < 22 ? 1.5 : 0.33) / slotsPerHour)) seen.push(slot);
  }
  return seen;
};

/** When it is silent after that sighting, by what was known then. */
function silentAfter(seen: readonly number[], last: number, isWatched: (slot: number) => boolean = always): number | undefined {
  const { history, from } = historyOf(seen, isWatched, last);
  return silentFrom(habitOf(history, from), last, isWatched);
}

function historyOf(seen: readonly number[], isWatched: (slot: number) => boolean, last = seen.at(-1) ?? 0) {
  const from = Math.max(seen[0] ?? 0, last - 8 * slotsPerWeek + 1);
  const history = new Uint8Array(last - from + 1);
  for (const slot of seen) if (slot >= from && slot <= last) history[slot - from] = Seen.yes;
  for (const [at, value] of history.entries()) if (value === Seen.no && !isWatched(from + at)) history[at] = Seen.unwatched;
  return { history, from };
}

const lives = { weekdays, emergency };
const life = fc.record({ kind: fc.constantFrom(...(Object.keys(lives) as (keyof typeof lives)[])), seed: fc.integer() });
const lived = ({ kind, seed }: { kind: keyof typeof lives; seed: number }, weeks: number) => lives[kind](chance(seed), weeks);

it('never tells of a sound one, whatever its gaps', () => {
  fc.assert(
    fc.property(life, (one) => {
      const seen = lived(one, 11);
      for (const [index, last] of seen.entries()) {
        const next = seen[index + 1];
        // Shorter ones are hardly near it, and many.
        if (next === undefined || next - last < 18) continue;
        const silent = silentAfter(seen, last);
        expect(silent === undefined || silent > next).toBe(true);
      }
    }),
    { numRuns: 10, seed: 5 },
  );
}, 120_000);

it('tells of one that dies on a Tuesday at 10:00, within its habit, at an hour at which it works', () => {
  fc.assert(
    fc.property(life, fc.integer({ min: 3, max: 9 }), (one, weeks) => {
      const dies = weeks * slotsPerWeek + perDay + 10 * slotsPerHour;
      const seen = lived(one, weeks + 1).filter((slot) => slot < dies);
      const last = seen.at(-1) ?? 0;
      const silent = silentAfter(seen, last) ?? Number.POSITIVE_INFINITY;
      const hours = (silent - dies) / slotsPerHour;
      // One a quarter of an hour: before it is evening, at 18:00; after three weeks alone that can be more than six hours later. By chance: on
      // the next day at the latest.
      expect(hours).toBeLessThan(one.kind === 'weekdays' ? 8 : 36);
      expect(hours).toBeGreaterThan(0);
      // Weekdays alone: not on a later day, not in the evening.
      if (one.kind === 'weekdays') expect(Math.floor(silent / perDay)).toBe(Math.floor(dies / perDay));
    }),
    { numRuns: 100 },
  );
}, 60_000);

it('is never told before two weeks of history, and never in an hour in which it was never seen', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(5 * slotsPerWeek), { minLength: 1, maxLength: 400 }), (slots) => {
      const seen = slots.sort((one, other) => one - other);
      const last = seen.at(-1) ?? 0;
      const silent = silentAfter(seen, last);
      if (last - (seen[0] ?? 0) + 1 < 2 * slotsPerWeek) expect(silent).toBeUndefined();
      if (silent === undefined) return;
      const hour = Math.floor((silent - 1) / slotsPerHour) % 168;
      expect(seen.map((slot) => Math.floor(slot / slotsPerHour) % 168)).toContain(hour);
      expect(silent - last).toBeGreaterThan(6);
    }),
  );
});

it('takes no time for silence in which no proxy was there', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 5 * perDay }), (seed, outage) => {
      const seen = weekdays(chance(seed), 6);
      const last = seen.at(-1) ?? 0;
      const from = last + slotsPerHour;
      const isWatched = (slot: number) => slot < from || slot >= from + outage;
      expect(silentAfter(seen, last, isWatched) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(from + outage);
    }),
    { numRuns: 30 },
  );
}, 60_000);

it('counts no week in which no proxy was there', () => {
  const isWatched = (slot: number) => slot < 2 * slotsPerWeek || slot >= 3 * slotsPerWeek;
  const { history, from } = historyOf(weekdays(chance(3), 6).filter(isWatched), isWatched);
  const { weeks, hours } = habitOf(history, from);
  expect(weeks).toBeGreaterThan(4);
  expect(weeks).toBeLessThan(5);
  // Tuesday, 10:00.
  expect(hours[34]).toMatchObject({ seenWeeks: 5, weeks: 5 });
});

it('forgives an outage, a holiday: what was once is not usual', () => {
  const seen = weekdays(chance(7), 9);
  const dies = 8 * slotsPerWeek + 10 * slotsPerHour;
  const holiday = seen.filter((slot) => slot < dies && Math.floor(slot / perDay) !== 23);
  const last = holiday.at(-1) ?? 0;
  expect((silentAfter(holiday, last) ?? Number.POSITIVE_INFINITY) - last).toBeLessThan(7 * slotsPerHour);
});
