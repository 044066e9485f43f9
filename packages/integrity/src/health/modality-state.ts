/** Whether a modality is well, by its habit. Pure. */
import { type Habit, habitOf, silentFrom } from './habit.ts';
import type { LocalTime } from './local-time.ts';
import type { ModalityRecord } from './modality-record.ts';
import { historyOf } from './sightings.ts';

export interface ModalityHabit {
  readonly habit: Habit;
  /** When it is silent, if it is not seen before; undefined: it is not, or too little is known. */
  readonly silentAt: number | undefined;
}

/** @param rows the weeks of its sightings */
export function modalityHabit(
  record: ModalityRecord,
  rows: ReadonlyMap<string, string>,
  time: LocalTime,
  isWatched: (slot: number) => boolean,
): ModalityHabit {
  const lastSlot = time.slotOf(record.lastSeenAt);
  const { history, from } = historyOf(rows, time.slotOf(record.firstAt), lastSlot, isWatched);
  const habit = habitOf(history, from);
  return { habit, silentAt: silentAtOf(habit, lastSlot, time, isWatched) };
}

export function silentAtOf(habit: Habit, lastSlot: number, time: LocalTime, isWatched: (slot: number) => boolean): number | undefined {
  const slot = silentFrom(habit, lastSlot, isWatched);
  return slot === undefined ? undefined : time.timeOf(slot);
}

/**
 * - `working`: seen within the last quarter of an hour
 * - `quiet`: not longer than usual
 * - `silent`: longer than usual, until it is seen again
 * - `learning`: two weeks are not over yet
 */
export type ModalityState = 'working' | 'quiet' | 'silent' | 'learning';

const workingMs = 900_000;

export function stateOf(
  { lastSeenAt, silent }: Pick<ModalityRecord, 'lastSeenAt' | 'silent'>,
  { habit, silentAt }: ModalityHabit,
  now: number,
): ModalityState {
  if (now - lastSeenAt <= workingMs) return 'working';
  // Once told it stays so, whatever becomes of its habit.
  if (silent !== undefined && silent.since >= lastSeenAt) return 'silent';
  if (silentAt !== undefined && now >= silentAt) return 'silent';
  return habit.allowance === undefined ? 'learning' : 'quiet';
}
