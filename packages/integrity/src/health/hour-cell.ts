import { addHistograms, type LatencyHistogram } from './latency-histogram.ts';

/** What a modality did in one hour. Counts are added up, studies united. */
export interface HourCell {
  /** Hours since the epoch, UTC. */
  readonly hour: number;
  readonly associations: number;
  readonly rejects: number;
  readonly aborts: number;
  readonly timeouts: number;
  /** By error type: associations that did not end well, and operations that were answered with a failure. */
  readonly errors: Readonly<Record<string, number>>;
  /** Instances that were given up. */
  readonly dead: number;
  /** Hashes of their UIDs; at most 200. */
  readonly studies: readonly string[];
  /** That were acknowledged. */
  readonly instances: number;
  readonly bytes: number;
  /** Modality Worklist queries. */
  readonly queries: number;
  /** Worklist items of which no study came; in the hour in which that was found. */
  readonly unfollowed: number;
  /** First byte in to Success of the destination, in the hour of the Success. */
  readonly latency: LatencyHistogram;
}

export const hourMs = 3_600_000;
const maxStudies = 200;
/** Eight days. */
const keptHours = 8 * 24;
/** A closed list; more than that is somebody else's. */
const maxErrorTypes = 40;

export const hourOf = (at: number) => Math.floor(at / hourMs);
export const hourRow = (hour: number) => `h:${hour % keptHours}`;

export function emptyCell(hour: number): HourCell {
  const counts = { associations: 0, rejects: 0, aborts: 0, timeouts: 0, dead: 0, instances: 0, bytes: 0, queries: 0, unfollowed: 0 };
  return { hour, ...counts, errors: {}, studies: [], latency: {} };
}

export function addCells(one: HourCell, other: HourCell): HourCell {
  const errors: Record<string, number> = { ...one.errors };
  for (const [type, count] of Object.entries(other.errors)) {
    if (errors[type] === undefined && Object.keys(errors).length >= maxErrorTypes) continue;
    errors[type] = (errors[type] ?? 0) + count;
  }
  return {
    hour: Math.max(one.hour, other.hour),
    associations: one.associations + other.associations,
    rejects: one.rejects + other.rejects,
    aborts: one.aborts + other.aborts,
    timeouts: one.timeouts + other.timeouts,
    errors,
    dead: one.dead + other.dead,
    studies: [...new Set([...one.studies, ...other.studies])].slice(0, maxStudies),
    instances: one.instances + other.instances,
    bytes: one.bytes + other.bytes,
    queries: one.queries + other.queries,
    unfollowed: one.unfollowed + other.unfollowed,
    latency: addHistograms(one.latency, other.latency),
  };
}

/** Of all kinds. */
export function errorsOf({ errors, dead }: HourCell): number {
  return Object.values(errors).reduce((sum, count) => sum + count, dead);
}

/** Undefined: there is none of this hour. */
export function cellIn(rows: ReadonlyMap<string, string>, hour: number): HourCell | undefined {
  const text = rows.get(hourRow(hour));
  const cell = text === undefined ? undefined : (JSON.parse(text) as HourCell);
  return cell?.hour === hour ? cell : undefined;
}
