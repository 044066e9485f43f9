/** When no proxy was there to see anything: such times are no silence. Kept for all that share a ledger. */

export interface WatchRecord {
  /** Some proxy looked. */
  readonly lastAt: number;
  /** The last ones. `until` is not included. */
  readonly outages: readonly Outage[];
}

export interface Outage {
  readonly from: number;
  readonly until: number;
}

export const watchKey = 'h:watch';
const maxOutages = 200;
/** As long as any habit looks back. */
const keptMs = 10 * 7 * 86_400_000;

/** @param absentAfterMs a look comes every minute; after a longer while without one nobody was there */
export function watched({ lastAt, outages }: WatchRecord, now: number, absentAfterMs: number): WatchRecord {
  const gap = now - lastAt > absentAfterMs ? [{ from: lastAt, until: now }] : [];
  const kept = [...outages, ...gap].filter(({ until }) => now - until < keptMs).slice(-maxOutages);
  return { lastAt: Math.max(lastAt, now), outages: kept };
}

/** Whether a slot can be relied on: no outage touches it. */
/** @param absentAfterMs a look comes every minute; after a longer while without one nobody was there */
export function watchedSlots({ outages }: WatchRecord, slotOf: (at: number) => number): (slot: number) => boolean {
  const spans = outages.map(({ from, until }) => [slotOf(from), slotOf(until)] as const);
  return (slot) => !spans.some(([first, last]) => slot >= first && slot <= last);
}
