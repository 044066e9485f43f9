import type { RedisQueueOptions } from '../redis/redis-options.ts';
import { openRedisQueue } from '../redis/redis-queue.ts';
import { openSqliteQueue } from '../sqlite/sqlite-queue.ts';

/** What a claimer is started with, as JSON in its argument. */
export interface ClaimerOptions {
  readonly home: { readonly path: string } | RedisQueueOptions;
  readonly holder: string;
  readonly now: number;
  readonly leaseMs: number;
  /** Settles nothing and waits to be killed once it has claimed so many. */
  readonly keep?: number;
}

// A process of its own that claims and settles until nothing is left, and tells what it was given, a line for each claim.
const { home, holder, now, leaseMs, keep } = JSON.parse(process.argv[2] ?? '') as ClaimerOptions;
const queue = 'path' in home ? openSqliteQueue(home) : openRedisQueue(home);
let kept = 0;
for (;;) {
  const claimed = await queue.claim({ destinationId: 'pacs', leaseHolder: holder, leaseMs, limit: 7, now });
  process.stdout.write(`${JSON.stringify(claimed.map(({ entry }) => entry.id))}\n`);
  kept += claimed.length;
  if (keep !== undefined) {
    if (kept >= keep) await new Promise((resolve) => setTimeout(resolve, 600_000));
    continue;
  }
  if (claimed.length === 0) break;
  for (const { lease } of claimed) await queue.settle(lease, { kind: 'delivered' }, now);
}
await queue.close();
