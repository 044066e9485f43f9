import type { Config } from '@radiotracer/config';
import { keptText, openQueue, spoolFolder } from '@radiotracer/proxy';
import { QueueUnavailable } from '@radiotracer/queue';
import { isThere } from '../place.ts';

export interface Stranded {
  readonly destination: string;
  readonly instances: number;
}

/**
 * What waits here for destinations that are not configured, so that nobody sends it. None where there is no schedule that could be asked: that is
 * for `queue stats` to say.
 */
export async function strandedIn(config: Config): Promise<readonly Stranded[]> {
  const folder = spoolFolder(config);
  if (config.queue.redis === undefined && !(await isThere(folder.queue))) return [];
  const ownerId = await keptText(folder.ownerId)
    .read()
    .catch(() => undefined);
  if (ownerId === undefined) return [];
  const queue = await openQueue(config, 'refuse');
  try {
    const counts = await queue.counts({ ownerId });
    return counts
      .map(({ destinationId, states }) => ({ destination: destinationId, instances: states.waiting.entries }))
      .filter(({ destination, instances }) => instances > 0 && !Object.hasOwn(config.destinations, destination));
  } catch (error) {
    if (error instanceof QueueUnavailable) return [];
    throw error;
  } finally {
    await queue.close();
  }
}
