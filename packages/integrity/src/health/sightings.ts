/** The slots in which a modality was seen, a row a week, as bits. They are united, never added: written twice they are the same. */
import { habitWeeks, Seen } from './habit.ts';
import { slotsPerWeek } from './local-time.ts';

interface SightingWeek {
  readonly week: number;
  /** Hexadecimal; bit n is slot n of the week. */
  readonly bits: string;
}

/** The current week, eight before it, and the rest of the first. */
const keptWeeks = habitWeeks + 2;

const rowOf = (week: number) => `w:${week % keptWeeks}`;

export const sightingRows: readonly string[] = Array.from({ length: keptWeeks }, (_, at) => rowOf(at));

export function sightingRowsOf(slots: Iterable<number>): readonly string[] {
  return [...new Set([...slots].map((slot) => rowOf(Math.floor(slot / slotsPerWeek))))];
}

/** Rows that change. */
export function withSightings(rows: ReadonlyMap<string, string>, slots: Iterable<number>): Map<string, string> {
  const changed = new Map<string, string>();
  for (const [week, some] of Map.groupBy(slots, (slot) => Math.floor(slot / slotsPerWeek))) {
    const kept = weekIn(rows, rowOf(week));
    // The place belongs to a later week: this one is too old.
    if (kept !== undefined && kept.week > week) continue;
    let bits = kept?.week === week ? BigInt(`0x0${kept.bits}`) : 0n;
    for (const slot of some) bits |= 1n << BigInt(slot % slotsPerWeek);
    const value: SightingWeek = { week, bits: bits.toString(16) };
    changed.set(rowOf(week), JSON.stringify(value));
  }
  return changed;
}

/**
 * What is known of each slot of the eight weeks before the last sighting, to that one.
 * @param firstSlot in which it was first seen of all
 */
export function historyOf(
  rows: ReadonlyMap<string, string>,
  firstSlot: number,
  lastSlot: number,
  isWatched: (slot: number) => boolean,
): { readonly history: Uint8Array; readonly from: number } {
  const from = Math.max(firstSlot, lastSlot - habitWeeks * slotsPerWeek + 1);
  const history = new Uint8Array(Math.max(1, lastSlot - from + 1));
  for (const id of sightingRows) {
    const kept = weekIn(rows, id);
    if (kept === undefined) continue;
    // Digit by digit from the right: four slots each.
    for (let digit = 0; digit < kept.bits.length; digit += 1) {
      const value = Number.parseInt(kept.bits[kept.bits.length - 1 - digit] ?? '0', 16);
      for (let bit = 0; bit < 4; bit += 1) {
        const at = kept.week * slotsPerWeek + digit * 4 + bit - from;
        if ((value >> bit) & 1 && at >= 0 && at < history.length) history[at] = Seen.yes;
      }
    }
  }
  for (const [at, seen] of history.entries()) if (seen === Seen.no && !isWatched(from + at)) history[at] = Seen.unwatched;
  history[history.length - 1] = Seen.yes;
  return { history, from };
}

function weekIn(rows: ReadonlyMap<string, string>, id: string): SightingWeek | undefined {
  const text = rows.get(id);
  return text === undefined ? undefined : (JSON.parse(text) as SightingWeek);
}
