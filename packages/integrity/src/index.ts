export type { DataSetReader, PlainDataSet } from './data-set/plain-data-set.ts';
export { documentOperations, isRead, maxDataSetBytes } from './data-set/read-document.ts';
export type { HabitHour } from './health/habit.ts';
export type { HealthOptions } from './health/health.ts';
export { errorsOf, type HourCell } from './health/hour-cell.ts';
export { type LatencySummary, type ModalityPage, type ModalitySummary, readModalities, readModality } from './health/modality-page.ts';
export { otherModalities } from './health/modality-record.ts';
export type { ModalityState } from './health/modality-state.ts';
export { Integrity } from './integrity.ts';
export { type LedgerHome, LedgerUnavailable, type PageCursor } from './ledger/home.ts';
export { cursorOf, Ledger, type LedgerOptions, type StudyFilter, type StudyListing } from './ledger/ledger.ts';
export { MemoryHome } from './memory/memory-home.ts';
export { isOfInterest, isOfStudies, removed, studyOf } from './observe.ts';
export type {
  CommitConfiguration,
  IntegrityListener,
  IntegrityOptions,
  IntegrityStats,
  LostInstances,
  StudyGeneration,
} from './ports.ts';
export { FINDINGS, type FindingCounts, type FindingKind } from './record/finding-counts.ts';
export {
  type Content,
  contentsOf,
  type InstanceAtDestination,
  type InstanceRecord,
  isLost,
  isRemoved,
  isWaiting,
} from './record/instance-record.ts';
export type { LossLine } from './record/loss-line.ts';
export type { SeriesRecord } from './record/series-record.ts';
export type { StudyDocument } from './record/study-document.ts';
export type { StudyPage } from './record/study-page.ts';
export type { StudyRecord } from './record/study-record.ts';
export {
  CONFIDENCES,
  type Confidence,
  type Evidence,
  type SourceName,
  type SourceNote,
  STUDY_STATES,
  type StudyState,
  type Verdict,
} from './record/verdict-record.ts';
export type { CommitmentState, VerifyState } from './record/verify-state.ts';
export { RedisHome, type RedisLedgerOptions } from './redis/redis-home.ts';
export { SqliteHome, type SqliteLedgerOptions } from './sqlite/sqlite-home.ts';
export { type Finding, findingsOf } from './verdict/finding.ts';
export { lossOf } from './verdict/loss.ts';
export { verdictOf } from './verdict/verdict.ts';
export type { CommitAnswer, CommitAtDestination, CommitmentAsked, ReportDataSet } from './verify/commit-at-destination.ts';
export { CommitByRequestor, type CommitByRequestorOptions } from './verify/commit-by-requestor.ts';
export type { CountAnswer, FindAtDestination, InstancesAnswer } from './verify/find-at-destination.ts';
export { FindByRequestor, type FindByRequestorOptions } from './verify/find-by-requestor.ts';
export { isOwnTransaction, newTransactionUid } from './verify/transaction-uid.ts';
export type { VerifyOptions } from './verify/verify-schedule.ts';
