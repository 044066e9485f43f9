/** What the ledger's engine is given, and what it answers. */
import type { Clock, Publish } from '@radiotracer/telemetry';
import type { DataSetReader } from './data-set/plain-data-set.ts';
import type { HealthOptions } from './health/health.ts';
import type { IntakeStats } from './intake.ts';
import type { LedgerHome } from './ledger/home.ts';
import type { StudyRecord } from './record/study-record.ts';
import type { Finding } from './verdict/finding.ts';
import type { CommitAtDestination } from './verify/commit-at-destination.ts';
import type { CommitOptions } from './verify/commit-schedule.ts';
import type { FindAtDestination } from './verify/find-at-destination.ts';
import type { VerifyOptions } from './verify/verify-schedule.ts';

/** Told once for each, by the node that looked; not again after a crash in between. */
export interface IntegrityListener {
  /** A study was closed: its verdict, findings and loss stand in it. */
  closed?(study: StudyRecord, findings: readonly Finding[]): void;
  /** Something more became known of a closed study: a delivery, an answer of its destination. */
  revised?(study: StudyRecord, before: StudyRecord): void;
}

export interface IntegrityOptions {
  readonly home: LedgerHome;
  /** Secret; the same on every node of a site. */
  readonly siteKey: Uint8Array;
  /** Name of this node; the same after a restart. */
  readonly node: string;
  readonly listener?: IntegrityListener;
  /**
   * Is told `study.closed`, `study.revised`, `study.verified` and `study.told`, each by the node that stored it; and what becomes of modalities,
   * `source.observed` and `worklist.unfollowed`.
   */
  readonly publish?: Publish;
  readonly health?: HealthOptions;
  /** Undefined: destinations are not asked by C-FIND. */
  readonly find?: FindAtDestination | undefined;
  /** Storage commitment of what destinations got from the spool. Undefined: none is asked for. */
  readonly commit?: CommitConfiguration | undefined;
  /** Default 60 s. */
  readonly quietPeriodMs?: number;
  /** Default 2 s. */
  readonly settleMs?: number;
  /** Default 24 h. */
  readonly studyRolloverMs?: number;
  /** `integrity.keep`. Default 90 days. 0: for ever. */
  readonly keepMs?: number;
  readonly verify?: Partial<VerifyOptions>;
  /** Default 8192. */
  readonly maxQueuedEvents?: number;
  readonly maxInstancesPerStudy?: number;
  /** Default: a thread of its own. */
  readonly reader?: DataSetReader;
  readonly clock?: Clock;
  /** Default `setImmediate`. */
  readonly soon?: (call: () => void) => void;
  /** Told what went wrong; it is tried again. */
  readonly failed?: (error: unknown) => void;
}

export interface CommitConfiguration extends Partial<CommitOptions> {
  readonly destination: CommitAtDestination;
  /** Which destinations are asked. */
  readonly isAsked: (destinationId: string) => boolean;
}

/** Instances that are lost now. */
export interface LostInstances {
  readonly destinationId: string;
  /** `''`: not known. */
  readonly modality: string;
  readonly lost: number;
}

/** Where a study stands that is to be remembered elsewhere. */
export interface StudyGeneration {
  readonly uid: string;
  readonly generation: number;
  /** Undefined: it is open. */
  readonly closedAt: number | undefined;
}

export interface IntegrityStats extends IntakeStats {
  readonly closedStudies: number;
  readonly verifications: number;
  /** Calling AE titles of which something is to be written. */
  readonly unwrittenTitles: number;
  /** Records and rows that were let go because of their age. */
  readonly removedRecords: number;
  readonly removedRows: number;
}
