import type { HrTime } from '@opentelemetry/api';
import type { EpochMs } from './event.ts';

/**
 * An event's time as OpenTelemetry takes it without guessing: its SDK reads a bare number that is smaller than the process' age
 * as an offset from the start of the process.
 */
export function toHrTime(at: EpochMs): HrTime {
  const seconds = Math.floor(at / 1000);
  const nanoseconds = Math.round((at - seconds * 1000) * 1_000_000);
  return nanoseconds >= 1_000_000_000 ? [seconds + 1, nanoseconds - 1_000_000_000] : [seconds, nanoseconds];
}

/** Seconds between two times, never negative (clocks are set back); undefined when either is missing. */
export function secondsBetween(from: EpochMs | undefined, to: EpochMs | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : Math.max(0, to - from) / 1000;
}
