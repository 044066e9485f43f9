import { counted, size } from '../lab/figures.ts';
import type { Paint } from '../lab/paint.ts';
import type { QueueHome } from './queue-home.ts';
import { type DestinationStats, others, type SpoolStats, type Stats, states } from './stats.ts';
import { table } from './table.ts';
import { iso, printable, span } from './words.ts';

export function statsText({ at, destinations, spools }: Stats, { kind, place }: QueueHome, paint: Paint): string {
  const isShared = spools.length > 1 || destinations.some(({ owner }) => owner === others);
  const columns = [
    { name: 'DESTINATION' },
    ...(isShared ? [{ name: 'PROXY' }] : []),
    ...['WAITING', 'LEASED', 'HELD', 'DEAD', 'SIZE', 'OLDEST'].map((name) => ({ name, right: true })),
    { name: '' },
  ];
  const rows = destinations.map((one) => {
    const counts = states.map((state) => {
      const { entries } = one.states[state];
      if (entries > 0 && state === 'dead') return paint('bad', String(entries));
      return entries > 0 && state === 'held' ? paint('id', String(entries)) : String(entries);
    });
    const oldest = oldestOf(one);
    const sum = states.reduce((bytes, state) => bytes + one.states[state].bytes, 0);
    const remarks = one.isConfigured ? '' : 'not configured: nobody sends it';
    return [
      printable(one.destinationId),
      ...(isShared ? [one.owner] : []),
      ...counts,
      size(sum),
      oldest === undefined ? '' : span(Math.max(0, at - oldest)),
      paint('bad', printable(remarks)),
    ];
  });
  const queue = destinations.length === 0 ? 'nothing is queued\n' : table(columns, rows, paint);
  return `${queue}\n${paint('dim', 'schedule')}  ${kind === 'redis' ? 'Redis' : 'SQLite'}, ${place}\n${spools.map((spool) => spoolText(spool, paint)).join('')}`;
}

function spoolText(spool: SpoolStats, paint: Paint): string {
  const { dir, usedBytes, isExact, maxBytes, highBytes, freeBytes, minFreeBytes, damaged } = spool;
  const limit = maxBytes === 0 ? '' : ` of ${size(maxBytes)} (from ${size(highBytes)} on nothing new is taken)`;
  const used = `${isExact ? '' : 'about '}${size(usedBytes)}${limit}`;
  const free =
    freeBytes === undefined
      ? ''
      : `, ${size(freeBytes)} free on the volume${minFreeBytes === 0 ? '' : ` (${size(minFreeBytes)} are kept free)`}`;
  const isFull = (maxBytes > 0 && usedBytes >= highBytes) || (freeBytes !== undefined && freeBytes < minFreeBytes);
  const aside =
    damaged.instances === 0
      ? ''
      : `${paint('dim', 'damaged ')}  ${paint('bad', `${counted(damaged.instances, 'file')}, ${size(damaged.bytes)}`)}, in ${dir}/damaged, each with its reason beside it (.why)\n`;
  return `${paint('dim', 'spool   ')}  ${dir}: ${isFull ? paint('bad', `full: ${used}${free}`) : used + free}\n${aside}`;
}

export function statsJson({ at, destinations, spools }: Stats, { kind, place, spools: reached }: QueueHome) {
  return {
    at: iso(at),
    schedule: { kind, place },
    destinations: destinations.map(({ destinationId, owner, isConfigured, states: counts }) => ({
      destination: destinationId,
      owner,
      configured: isConfigured,
      states: Object.fromEntries(
        states.map((state) => {
          const { entries, bytes, oldestReceivedAt } = counts[state];
          return [state, { entries, bytes, oldestReceivedAt: oldestReceivedAt === undefined ? null : iso(oldestReceivedAt) }];
        }),
      ),
    })),
    spools: spools.map((spool) => ({
      owner: [...reached.values()].find(({ dir }) => dir === spool.dir)?.ownerId ?? null,
      ...spool,
      freeBytes: spool.freeBytes ?? null,
    })),
  };
}

function oldestOf({ states: counts }: DestinationStats): number | undefined {
  const all = states.flatMap((state) => counts[state].oldestReceivedAt ?? []);
  return all.length === 0 ? undefined : Math.min(...all);
}
