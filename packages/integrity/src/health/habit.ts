/**
 * When a modality is usually seen, and from when on it is silent. Pure.
 *
 * Its habit is, for each hour of the week, in how many slots of five minutes it is seen on average, over the eight weeks before it was last seen. A
 * quiet time is measured by it: in sightings that were to be expected meanwhile. A night or a weekend at which it never works costs nothing,
 * so that it is never told then, and a scanner that works by chance is given more time than one that works by the clock.
 *
 *   silent  <=>  expected sightings since it was last seen  >=  1.75 × (1 + 2 / weeks) × usual + 2, and half an hour has passed
 *
 * `usual` is the longest quiet time of each of its weeks, so measured, the worst quarter of the weeks left out: an outage, a holiday. Gaps in the
 * past are measured by the other weeks alone. The factors are from simulated lives (habit.test.ts): by chance alone, less than one false
 * alarm in 50,000 quiet times of more than 40 minutes; a scanner seen every quarter of an hour is told after some three hours.
 */
import { hourOfWeek, slotMs, slotsPerHour, slotsPerWeek } from './local-time.ts';

/** What is known of a slot. */
export const Seen = { no: 0, yes: 1, /** No proxy was there to see it. */ unwatched: 2 } as const;

/** One hour of the week. */
export interface HabitHour {
  /** Weeks in which it was seen in this hour, of those in which it could be. */
  readonly seenWeeks: number;
  readonly weeks: number;
  /** Slots of five minutes in which it is seen, on average. */
  readonly slots: number;
  /** The longest that it was quiet at some moment of this hour, the worst quarter of the weeks left out. In ms. */
  readonly quietMs: number;
}

export interface Habit {
  /** How many weeks it rests on. */
  readonly weeks: number;
  /** By hour of the week; Monday, 0:00 first. */
  readonly hours: readonly HabitHour[];
  /** Sightings that may fail to come; undefined: too little is known. */
  readonly allowance: number | undefined;
}

export const habitWeeks = 8;
/** Less history says nothing. */
const leastWeeks = 2;
const leastQuietSlots = 6;

/** @param history of each slot what is known ({@link Seen}), to the last in which it was seen. @param firstSlot of its first element */
export function habitOf(history: Uint8Array, firstSlot: number): Habit {
  const hours = Array.from({ length: 168 }, () => new HourTally());
  const hourAt = (index: number) => hours[hourOfWeek(firstSlot + index)] as HourTally;
  /** Counted from the end, so that the last week is a whole one. */
  const weekAt = (index: number) => Math.floor((history.length - 1 - index) / slotsPerWeek);
  let watchedSlots = 0;
  let quiet = 0;
  for (let index = 0; index < history.length; index += 1) {
    if (history[index] === Seen.unwatched) continue;
    const isSeen = history[index] === Seen.yes;
    quiet = isSeen ? 0 : quiet + 1;
    watchedSlots += 1;
    hourAt(index).count(weekAt(index), isSeen, quiet);
  }
  const perWeek: number[] = [];
  let missed: number | undefined;
  for (let index = 0; index < history.length; index += 1) {
    if (history[index] === Seen.no && missed !== undefined) missed += hourAt(index).slotsOfOthers / slotsPerHour;
    if (history[index] !== Seen.yes) continue;
    const week = weekAt(index);
    perWeek[week] = Math.max(perWeek[week] ?? 0, missed ?? 0);
    missed = 0;
  }
  const weeks = watchedSlots / slotsPerWeek;
  const usual = usualOf(Array.from(perWeek, (longest) => longest ?? 0));
  return {
    weeks,
    hours: hours.map((hour) => hour.told),
    allowance: weeks < leastWeeks ? undefined : 1.75 * (1 + 2 / weeks) * usual + 2,
  };
}

/** One hour of the week, over the weeks. */
class HourTally {
  #slots = 0;
  #watched = 0;
  readonly #seen: number[] = [];
  /** The longest quiet time, by week. */
  readonly #quiet: number[] = [];

  count(week: number, isSeen: boolean, quiet: number): void {
    this.#watched += 1;
    if (isSeen) {
      this.#slots += 1;
      this.#seen[week] = 1;
    }
    this.#quiet[week] = Math.max(this.#quiet[week] ?? 0, quiet);
  }

  /** By the other weeks: what is to be measured has no sighting in its own. */
  get slotsOfOthers(): number {
    return (this.#slots / Math.max(slotsPerHour, this.#watched - slotsPerHour)) * slotsPerHour;
  }

  get told(): HabitHour {
    const quiet = this.#quiet.filter((slots) => slots !== undefined);
    return {
      seenWeeks: this.#seen.filter((seen) => seen === 1).length,
      weeks: quiet.length,
      slots: this.#watched === 0 ? 0 : (this.#slots / this.#watched) * slotsPerHour,
      quietMs: usualOf(quiet) * slotMs,
    };
  }
}

/**
 * The slot at whose beginning it is silent, if it is not seen again after `lastSlot`; undefined: never, or too little is known. At an hour at
 * which it never was seen it is not told.
 */
export function silentFrom(habit: Habit, lastSlot: number, isWatched: (slot: number) => boolean): number | undefined {
  const { allowance, hours } = habit;
  if (allowance === undefined) return undefined;
  let missed = 0;
  for (let slot = lastSlot + 1; slot <= lastSlot + habitWeeks * slotsPerWeek; slot += 1) {
    if (!isWatched(slot)) continue;
    const usual = (hours[hourOfWeek(slot)]?.slots ?? 0) / slotsPerHour;
    missed += usual;
    if (usual > 0 && missed >= allowance && slot - lastSlot >= leastQuietSlots) return slot + 1;
  }
  return undefined;
}

/** The greatest, the worst quarter left out. */
function usualOf(values: readonly number[]): number {
  return values.toSorted((one, other) => other - one)[Math.floor(values.length / 4)] ?? 0;
}
