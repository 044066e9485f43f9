/** What lies in the spool's folder beside the spool itself. */
import { join, resolve } from 'node:path';
import type { Config } from '@radiotracer/config';

export interface SpoolFolder {
  /** The spool's own. */
  readonly dir: string;
  readonly siteKey: string;
  readonly ownerId: string;
  /** SQLite; unused where the schedule is in Redis. */
  readonly queue: string;
  readonly capabilities: string;
}

export function spoolFolder({ spool }: Pick<Config, 'spool'>): SpoolFolder {
  const dir = resolve(spool.dir);
  return {
    dir,
    siteKey: join(dir, 'site-key'),
    ownerId: join(dir, 'owner-id'),
    queue: join(dir, 'queue.db'),
    capabilities: join(dir, 'capabilities.json'),
  };
}
