/**
 * How long something took, as counts in buckets of fixed bounds: histograms of several nodes and hours are added up. Four buckets an octave: a
 * percentile is never too low, and at most 19 % too high.
 */

/** By bucket; bucket `b` is of more than 2^((b-1)/4) ms and up to 2^(b/4) ms, bucket 0 of up to 1 ms. */
export type LatencyHistogram = Readonly<Record<string, number>>;

const bucketsPerOctave = 4;
/** 2^30 ms, twelve days. */
const lastBucket = 30 * bucketsPerOctave;

export function bucketOf(ms: number): number {
  if (!(ms > 1)) return 0;
  return Math.min(lastBucket, Math.ceil(bucketsPerOctave * Math.log2(ms) - 1e-9));
}

export function addHistograms(one: LatencyHistogram, other: LatencyHistogram): LatencyHistogram {
  const sum: Record<string, number> = { ...one };
  for (const [bucket, count] of Object.entries(other)) sum[bucket] = (sum[bucket] ?? 0) + count;
  return sum;
}

/** In ms: the bucket's upper bound. Undefined: there is nothing. @param share 0.95 for the 95th */
export function percentile(histogram: LatencyHistogram, share: number): number | undefined {
  const buckets = Object.entries(histogram).sort(([one], [other]) => Number(one) - Number(other));
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  const rank = Math.max(1, Math.ceil(share * total - 1e-9));
  let below = 0;
  for (const [bucket, count] of buckets) {
    below += count;
    if (below >= rank) return 2 ** (Number(bucket) / bucketsPerOctave);
  }
  return undefined;
}
