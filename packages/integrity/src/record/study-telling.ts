import type { StudyTold } from '@radiotracer/telemetry';

/**
 * What telemetry is to be told of a generation of a study, stored before it is told: a second time it is the same.
 *
 *   waiting ── everything has come to its end, or too late ──> leased (told) ── some seconds ──> told
 *                                                               └── crash in between: told again, when the lease is over
 */
export interface StudyTelling {
  readonly generation: number;
  readonly told: boolean;
  /** Until it is told for good. */
  readonly event?: StudyTold;
  /** It was told, and nobody else does until then. */
  readonly leaseUntil?: number;
}
