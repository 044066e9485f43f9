/** How the queue and its spool stand, counted. */
import type { Config } from '@radiotracer/config';
import type { DestinationCounts, EntryState, StateCounts } from '@radiotracer/queue';
import type { Amount, SpoolError } from '@radiotracer/spool';
import { ofSpools } from './entry-source.ts';
import type { QueueHome, ReachedSpool } from './queue-home.ts';

export interface DestinationStats extends DestinationCounts {
  readonly isConfigured: boolean;
  /** Whose: the name of a spool in reach, or all the other proxies that share the schedule. */
  readonly owner: string;
}

export interface SpoolStats {
  readonly name: string;
  readonly dir: string;
  /** `isExact`: else reckoned from what the schedule knows. */
  readonly usedBytes: number;
  readonly isExact: boolean;
  /** 0: no limit. From `highBytes` on nothing new is taken. */
  readonly maxBytes: number;
  readonly highBytes: number;
  /** Of the volume; `minFreeBytes` 0: not looked at. Undefined: the volume does not say. */
  readonly freeBytes: number | undefined;
  readonly minFreeBytes: number;
  readonly damaged: Amount;
  readonly incoming: Amount;
}

export interface Stats {
  readonly at: number;
  readonly destinations: readonly DestinationStats[];
  readonly spools: readonly SpoolStats[];
}

export const states: readonly EntryState[] = ['waiting', 'leased', 'held', 'dead'];
/** Beyond it files are not looked at one by one. */
const maxExactFiles = 5000;
/** The usual front of a file, which the schedule does not count. */
const frontBytes = 4096;

/** Of what no spool in reach has. */
export const others = 'others';

/** @throws QueueUnavailable, SpoolError */
export async function takeStats(home: QueueHome, now: number, fromSpool: boolean, failed: (error: SpoolError) => void): Promise<Stats> {
  const { queue, config } = home;
  const reached = [...home.spools.values()];
  const theirs = new Map<string, readonly DestinationCounts[]>();
  for (const spool of reached) {
    theirs.set(spool.name, fromSpool ? await countSpool(spool, failed) : await queue.counts({ ownerId: spool.ownerId }));
  }
  const all = fromSpool ? [] : await queue.counts();
  const ids = [...new Set([...all, ...[...theirs.values()].flat()].map(({ destinationId }) => destinationId))].sort();
  const destinations = ids.flatMap((destinationId) => {
    const isThis = (counts: DestinationCounts) => counts.destinationId === destinationId;
    const { states: total } = all.find(isThis) ?? { states: noStates() };
    const isConfigured = Object.values(config.destinations).some(({ id }) => id === destinationId);
    const shared = { destinationId, isConfigured };
    const parts = [...theirs].map(([owner, counts]) => ({ ...shared, owner, states: counts.find(isThis)?.states ?? noStates() }));
    const rest = {
      ...shared,
      owner: others,
      states: less(
        total,
        parts.map((part) => part.states),
      ),
    };
    const isAnyRest = states.some((state) => rest.states[state].entries > 0);
    return [...parts, ...(isAnyRest ? [rest] : [])];
  });
  const spools = [];
  for (const spool of reached) spools.push(await spoolStats(spool, config, theirs.get(spool.name) ?? []));
  return { at: now, destinations, spools };
}

async function spoolStats({ name, dir, view }: ReachedSpool, config: Config, own: readonly DestinationCounts[]): Promise<SpoolStats> {
  const [damaged, incoming] = [await view.amount('damaged'), await view.amount('incoming')];
  const scheduled = own.flatMap(({ states: counts }) => states.map((state) => counts[state]));
  const files = scheduled.reduce((sum, { entries }) => sum + entries, 0);
  const isExact = files <= maxExactFiles;
  let usedBytes = damaged.bytes + incoming.bytes;
  if (isExact) for (const state of ['waiting', 'held', 'dead'] as const) usedBytes += (await view.amount(state)).bytes;
  else usedBytes += scheduled.reduce((sum, { bytes }) => sum + bytes, 0) + files * frontBytes;
  const { maxBytes, minFreeBytes } = config.spool;
  const freeBytes = await view.volume().then(
    (volume) => volume.freeBytes,
    () => undefined,
  );
  const limits = { maxBytes, highBytes: Math.floor(maxBytes * 0.95), freeBytes, minFreeBytes };
  return { name, dir, usedBytes, isExact, ...limits, damaged, incoming };
}

async function countSpool(spool: ReachedSpool, failed: (error: SpoolError) => void): Promise<readonly DestinationCounts[]> {
  const counts = new Map<string, Record<EntryState, StateCounts>>();
  for await (const entries of ofSpools([spool], failed)({})) {
    for (const { destinationId, state, bytes, receivedAt } of entries) {
      const ofDestination = counts.get(destinationId) ?? noStates();
      const known = ofDestination[state];
      const oldestReceivedAt = Math.min(known.oldestReceivedAt ?? receivedAt, receivedAt);
      ofDestination[state] = { entries: known.entries + 1, bytes: known.bytes + bytes, oldestReceivedAt };
      counts.set(destinationId, ofDestination);
    }
  }
  return [...counts].map(([destinationId, ofDestination]) => ({ destinationId, states: ofDestination }));
}

function noStates(): Record<EntryState, StateCounts> {
  return {
    waiting: { entries: 0, bytes: 0 },
    leased: { entries: 0, bytes: 0 },
    held: { entries: 0, bytes: 0 },
    dead: { entries: 0, bytes: 0 },
  };
}

/** Of the rest the oldest is known only where it is the oldest of all. */
function less(all: DestinationCounts['states'], parts: readonly DestinationCounts['states'][]): Record<EntryState, StateCounts> {
  const rest = noStates();
  for (const state of states) {
    const known = parts.map((part) => part[state]);
    const { oldestReceivedAt } = all[state];
    const isTheirs = oldestReceivedAt !== undefined && known.every((part) => part.oldestReceivedAt !== oldestReceivedAt);
    const sum = (name: 'entries' | 'bytes') => known.reduce((total, part) => total + part[name], 0);
    rest[state] = {
      // Counted one after the other: something may have come or gone between.
      entries: Math.max(0, all[state].entries - sum('entries')),
      bytes: Math.max(0, all[state].bytes - sum('bytes')),
      ...(isTheirs ? { oldestReceivedAt } : {}),
    };
  }
  return rest;
}
