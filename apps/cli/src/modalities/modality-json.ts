/** As other programs read it: times in ISO 8601, durations in milliseconds, null for what is not known. */
import { errorsOf, type LatencySummary, type ModalityPage, type ModalitySummary } from '@radiotracer/integrity';
import { iso } from '../queue/words.ts';

export function summaryJson(one: ModalitySummary) {
  return {
    callingAet: one.aeTitle,
    configured: one.isConfigured,
    state: one.state ?? null,
    lastSeenAt: iso(one.lastSeenAt),
    lastStudyAt: time(one.lastStudyAt),
    lastInstanceAt: time(one.lastInstanceAt),
    silentSince: time(one.silentSince),
    habitGapMs: one.habitGapMs ?? null,
    today: one.today,
    latencyMs: latencyJson(one.latency),
  };
}

export function pageJson(page: ModalityPage) {
  return {
    ...summaryJson(page),
    firstSeenAt: iso(page.firstAt),
    timeZone: page.timeZone,
    hours: page.hours.map(({ at, cell, latency }) => ({
      at: iso(at),
      associations: cell.associations,
      rejects: cell.rejects,
      aborts: cell.aborts,
      timeouts: cell.timeouts,
      errors: errorsOf(cell),
      errorTypes: cell.errors,
      givenUp: cell.dead,
      studies: cell.studies.length,
      instances: cell.instances,
      bytes: cell.bytes,
      worklistQueries: cell.queries,
      worklistUnfollowed: cell.unfollowed,
      latencyMs: latencyJson(latency),
    })),
    habit: {
      weeks: page.habitWeeks,
      /** Monday, 0:00 first. */
      hours: page.habit.map(({ seenWeeks, weeks, slots, quietMs }) => ({ seenWeeks, weeks, sightings: slots, longestQuietMs: quietMs })),
    },
    worklistUnfollowed: page.unfollowed.map(({ accessionNumber, askedAt }) => ({ accessionNumber, askedAt: iso(askedAt) })),
  };
}

function latencyJson({ count, p50, p95, p99 }: LatencySummary) {
  return { count, p50: p50 ?? null, p95: p95 ?? null, p99: p99 ?? null };
}

function time(at: number | undefined): string | null {
  return at === undefined ? null : iso(at);
}
