import type { Config } from '@radiotracer/config';
import type { DestinationCounts } from '@radiotracer/queue';

export interface Stranded {
  readonly destination: string;
  readonly instances: number;
}

/** What waits for destinations that are not configured, so that nobody sends it. */
export function strandedOf(counts: readonly DestinationCounts[], { destinations }: Pick<Config, 'destinations'>): readonly Stranded[] {
  return counts
    .map(({ destinationId, states }) => ({ destination: destinationId, instances: states.waiting.entries }))
    .filter(({ destination, instances }) => instances > 0 && !Object.hasOwn(destinations, destination));
}
