export {
  type AttemptError,
  ENTRY_STATES,
  type EntryFacts,
  type EntryKey,
  type EntryLease,
  type EntryState,
  type HistoryEvent,
  type NewEntry,
  type QueueEntry,
} from './entry.ts';
export { matches, type QueueFilter } from './filter.ts';
export type { Claimed, ClaimRequest, DeliveryFault, Ending, Lease, Outcome } from './lease.ts';
export { DEFAULT_LIMITS, type QueueLimits } from './limits.ts';
export { openMemoryQueue } from './memory/memory-queue.ts';
export type {
  DestinationCounts,
  KnownAsTheyAre,
  PageCursor,
  Queue,
  QueueHealth,
  QueuePage,
  RebuildOptions,
  RebuildResult,
  SpoolTelling,
  StateCounts,
  VerbOptions,
  VerbResult,
} from './queue.ts';
export { LeaseLost, QueueUnavailable, type UnavailableCode } from './queue-error.ts';
export { openSqliteQueue, type SqliteQueueOptions } from './sqlite/sqlite-queue.ts';
