import type { QueueLimits } from '../limits.ts';
import type { Queue } from '../queue.ts';
import { StoredQueue } from '../stored-queue.ts';
import { RedisHome } from './redis-home.ts';
import { RedisLink } from './redis-link.ts';
import type { RedisQueueOptions } from './redis-options.ts';

/** The home that several proxies share. Returns at once, also while Redis is down: it connects, and connects again, in the background. */
export function openRedisQueue(options: RedisQueueOptions, limits: Partial<QueueLimits> = {}): Queue {
  return new StoredQueue(new RedisHome(new RedisLink(options), options.leaseClock), limits);
}
