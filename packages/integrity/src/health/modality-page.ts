/** What is known of modalities, read for people. Works beside the proxies and without them; writes nothing. */
import type { LedgerHome } from '../ledger/home.ts';
import type { HabitHour } from './habit.ts';
import { addCells, cellIn, emptyCell, errorsOf, type HourCell, hourMs, hourOf, hourRow } from './hour-cell.ts';
import { addHistograms, type LatencyHistogram, percentile } from './latency-histogram.ts';
import { hourOfWeek, LocalTime } from './local-time.ts';
import type { Unfollowed } from './modality-delta.ts';
import { ModalityHome, type ModalityRows } from './modality-home.ts';
import { otherModalities } from './modality-record.ts';
import { type ModalityState, modalityHabit, stateOf } from './modality-state.ts';
import { sightingRows } from './sightings.ts';
import { watched, watchedSlots } from './watch-record.ts';

/** First byte in to Success of the destination. Milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
}

export interface ModalitySummary {
  readonly aeTitle: string;
  readonly isConfigured: boolean;
  /** Undefined: it is many (`_OTHER`). */
  readonly state: ModalityState | undefined;
  readonly lastSeenAt: number;
  readonly lastStudyAt: number | undefined;
  readonly lastInstanceAt: number | undefined;
  readonly silentSince: number | undefined;
  /** How long it may be quiet, from when it was last seen; undefined: too little is known. */
  readonly habitGapMs: number | undefined;
  /** Since midnight of its time zone. */
  readonly today: {
    readonly studies: number;
    readonly instances: number;
    readonly bytes: number;
    readonly errors: number;
    readonly queries: number;
    readonly unfollowed: number;
  };
  /** Of the last 24 hours. */
  readonly latency: LatencySummary;
}

export interface ModalityPage extends ModalitySummary {
  readonly timeZone: string;
  readonly firstAt: number;
  /** Weeks that the habit rests on. */
  readonly habitWeeks: number;
  /** By hour of the week; Monday, 0:00 first. */
  readonly habit: readonly HabitHour[];
  /** Of now; as in `habit`. */
  readonly hourOfWeek: number;
  /** The last 24 hours, this one last. */
  readonly hours: readonly { readonly at: number; readonly cell: HourCell; readonly latency: LatencySummary }[];
  readonly unfollowed: readonly Unfollowed[];
}

const shownHours = 24;
const absentAfterMs = 300_000;

/** Last seen first. @throws LedgerUnavailable */
export async function readModalities(home: LedgerHome, now: number): Promise<readonly ModalitySummary[]> {
  const modalities = new ModalityHome(home);
  const pages: ModalitySummary[] = [];
  for (const { aeTitle } of await modalities.list()) {
    const page = await pageOf(modalities, aeTitle, now);
    if (page !== undefined) pages.push(page);
  }
  return pages;
}

/** Undefined: there is none of this title. @throws LedgerUnavailable */
export function readModality(home: LedgerHome, aeTitle: string, now: number): Promise<ModalityPage | undefined> {
  return pageOf(new ModalityHome(home), aeTitle, now);
}

async function pageOf(modalities: ModalityHome, aeTitle: string, now: number): Promise<ModalityPage | undefined> {
  const last = hourOf(now);
  // A day that has 25 hours, and the one in which it is asked.
  const hours = Array.from({ length: shownHours + 2 }, (_, at) => last - shownHours - 1 + at);
  const read = await modalities.read(aeTitle, [...sightingRows, ...hours.map(hourRow)]);
  const watch = await modalities.lastWatch();
  return read === undefined ? undefined : summary(read, hours, watch === undefined ? undefined : watched(watch, now, absentAfterMs), now);
}

function summary({ record, rows }: ModalityRows, hours: readonly number[], watch: ReturnType<typeof watched> | undefined, now: number) {
  const { aeTitle, isConfigured, timeZone, firstAt, lastSeenAt, lastStudyAt, lastInstanceAt, unfollowed, silent } = record;
  const time = new LocalTime(timeZone);
  const isWatched = watch === undefined ? () => true : watchedSlots(watch, (at) => time.slotOf(at));
  const known = modalityHabit(record, rows, time, isWatched);
  const state = aeTitle === otherModalities ? undefined : stateOf(record, known, now);
  const cells = hours.map((hour) => cellIn(rows, hour) ?? emptyCell(hour));
  const midnight = time.startOfDay(now);
  const today = cells.filter(({ hour }) => (hour + 1) * hourMs > midnight).reduce(addCells, emptyCell(0));
  const shown = cells.slice(-shownHours);
  const { instances, bytes, queries, studies } = today;
  return {
    ...{ aeTitle, isConfigured, state, timeZone, firstAt, lastSeenAt, lastStudyAt, lastInstanceAt, unfollowed },
    silentSince: state === 'silent' ? (silent?.since ?? lastSeenAt) : undefined,
    habitGapMs: known.silentAt === undefined ? undefined : known.silentAt - lastSeenAt,
    today: { studies: studies.length, instances, bytes, errors: errorsOf(today), queries, unfollowed: today.unfollowed },
    latency: latencyOf(shown.reduce<LatencyHistogram>((sum, { latency }) => addHistograms(sum, latency), {})),
    habitWeeks: known.habit.weeks,
    habit: known.habit.hours,
    hourOfWeek: hourOfWeek(time.slotOf(now)),
    hours: shown.map((cell) => ({ at: cell.hour * hourMs, cell, latency: latencyOf(cell.latency) })),
  };
}

function latencyOf(histogram: LatencyHistogram): LatencySummary {
  const count = Object.values(histogram).reduce((sum, one) => sum + one, 0);
  const of = (share: number) => percentile(histogram, share);
  return { count, p50: of(0.5), p95: of(0.95), p99: of(0.99) };
}
