/** The Redis home, by an entry of its own (`@radiotracer/queue/redis`): its client is 27 MB of memory that an embedded schedule does not need. */
export { connectRedis } from './redis-client.ts';
export type { RedisQueueOptions, RedisServer } from './redis-options.ts';
export { openRedisQueue } from './redis-queue.ts';
export { redisServerOf } from './redis-url.ts';
