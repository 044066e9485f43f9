import type { Rejection } from '@radiotracer/upper-layer';

/** With what the relay itself rejects: result, source, reason (PS3.8 table 9-21). */
export const reject = {
  /** rejected-permanent, service-user, called-AE-title-not-recognized */
  unknownCalled: { result: 1, source: 1, reason: 7 },
  /** rejected-permanent, service-user, calling-AE-title-not-recognized */
  unknownCalling: { result: 1, source: 1, reason: 3 },
  /** rejected-transient, service-provider (presentation), temporary-congestion */
  destinationUnavailable: { result: 2, source: 3, reason: 1 },
  /** rejected-transient, service-provider (presentation), local-limit-exceeded */
  overload: { result: 2, source: 3, reason: 2 },
} as const satisfies Readonly<Record<string, Rejection>>;

/** The same may be taken later. */
export function isTransient({ result }: Rejection): boolean {
  return result === 2;
}
