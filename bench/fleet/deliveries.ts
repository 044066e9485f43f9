/** What the PACS saw, as rates and counts. */
import type { Arrival } from './counting-scp.ts';

export interface Stream {
  readonly instances: number;
  /** From the first to the last. */
  readonly ms: number;
  readonly perSecond: number;
}

export interface Deliveries {
  readonly total: Stream;
  /** By the address that they came from. */
  readonly of: ReadonlyMap<string, Stream>;
  /** Stores of an instance beyond its first. */
  readonly duplicates: number;
  /** Wanted, and never came. */
  readonly missing: number;
}

export function deliveriesOf(arrivals: readonly Arrival[], wanted: Iterable<string>): Deliveries {
  const came = new Set(arrivals.map(({ sopInstanceUid }) => sopInstanceUid));
  const grouped = Map.groupBy(arrivals, ({ from }) => from);
  return {
    total: streamOf(arrivals),
    of: new Map([...grouped].map(([from, own]) => [from, streamOf(own)])),
    duplicates: arrivals.length - came.size,
    missing: [...wanted].filter((uid) => !came.has(uid)).length,
  };
}

/** A rate is of what came after the first, over the time since then. */
function streamOf(arrivals: readonly Arrival[]): Stream {
  const times = arrivals.map(({ at }) => at);
  const ms = times.reduce((a, b) => Math.max(a, b), 0) - times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  return { instances: arrivals.length, ms: Math.max(0, ms), perSecond: arrivals.length < 2 ? 0 : ((arrivals.length - 1) * 1000) / ms };
}
