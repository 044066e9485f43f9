import { randomUUID } from 'node:crypto';
import type { QueueLimits } from '../limits.ts';
import type { Queue } from '../queue.ts';
import { StoredQueue } from '../stored-queue.ts';
import { MemoryHome } from './memory-home.ts';

/** Nothing outlives the process: for tests. */
export function openMemoryQueue(limits: Partial<QueueLimits> = {}): Queue {
  return new StoredQueue(new MemoryHome(randomUUID()), limits);
}
