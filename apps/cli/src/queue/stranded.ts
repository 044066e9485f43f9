import type { Config } from '@radiotracer/config';
import { keptText, openQueue, type Stranded, spoolFolder, strandedOf } from '@radiotracer/proxy';
import { isThere } from '../place.ts';

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
    return strandedOf(await queue.counts({ ownerId }), config);
  } catch {
    // What is wrong with it is told among the obstacles.
    return [];
  } finally {
    await queue.close();
  }
}
