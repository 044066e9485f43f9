import type { RetryConfig } from '@radiotracer/config';

/** Of the shortest possible wait: chance may say nought, and nought would be a loop. */
const floorShare = 0.1;

/**
 * Exponential backoff with full jitter and a cap: anything from a tenth of `initialMs` to `initialMs` × 2^(failures − 1), at most
 * `maxMs`. Full, so that what failed together does not come back together.
 * @param failures in a row, from 1
 * @returns whole milliseconds, at least 1
 */
export function backoffMs({ initialMs, maxMs }: RetryConfig, failures: number, random: () => number): number {
  const longest = Math.min(maxMs, initialMs * 2 ** Math.min(failures - 1, 40));
  const shortest = Math.min(initialMs, longest) * floorShare;
  return Math.max(1, Math.round(shortest + random() * (longest - shortest)));
}
