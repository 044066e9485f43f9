/** The spool and the schedule over it. */
import type { EpochMs } from './epoch-ms.ts';

/** An instance is safe: its bytes are on disk, and its name stands in a directory that was synced. */
export interface SpoolCommitted {
  readonly type: 'spool.committed';
  readonly destinationId: string;
  /** The last byte had come, and the spool was asked to make it safe. */
  readonly startedAt: EpochMs;
  /** It was safe. */
  readonly at: EpochMs;
  /** Data set bytes. */
  readonly dataSetBytes: number;
}

/** The spool could not make an instance safe; the modality is told so (A700). */
export interface SpoolFailed {
  readonly type: 'spool.failed';
  readonly destinationId: string;
  readonly at: EpochMs;
  /** A POSIX error code (ENOSPC, EIO), or the spool's own; undefined when there is none. */
  readonly code: string | undefined;
}

/** The spool takes nothing new, or takes it again. */
export interface SpoolAcceptanceChanged {
  readonly type: 'spool.acceptance_changed';
  readonly at: EpochMs;
  readonly accepting: boolean;
  /** Why it does not; undefined when it does. */
  readonly reason: 'max-bytes' | 'not-counted' | 'free-bytes' | 'free-files' | 'unwritable' | undefined;
  readonly usedBytes: number;
  /** 0: no limit. */
  readonly maxBytes: number;
}

/** What the spool can find that is not as it left it; `missing`: the schedule knows it, and there is no file, of one that was delivered just before a crash, too. */
export type SpoolFindingKind =
  | 'unfinished'
  | 'damaged'
  | 'duplicate'
  | 'misplaced'
  | 'unknown-file'
  | 'unreadable'
  | 'leftover'
  | 'missing';

/** Something in the spool is not as the spool left it. Neither path nor message: they may quote a name. */
export interface SpoolFound {
  readonly type: 'spool.found';
  readonly at: EpochMs;
  readonly kind: SpoolFindingKind;
  /** The spool's id of the instance, where the file bears one. */
  readonly instanceId?: string | undefined;
  /** Moved aside. */
  readonly moved: boolean;
}

/**
 * Whether the schedule can be used: `yes`; `full`, it takes nothing new, while what it has is delivered; `no`, it is away, or takes no writes, and
 * nothing is delivered.
 */
export type QueueAvailability = 'yes' | 'full' | 'no';

/** Instances are kept and acknowledged all the same. */
export interface QueueAvailabilityChanged {
  readonly type: 'queue.availability_changed';
  readonly at: EpochMs;
  readonly available: QueueAvailability;
  /** Of a closed list: the code of an error, or how Redis begins (`oom`, `readonly`, …); undefined when it can be used. */
  readonly reason?: string | undefined;
  readonly home: 'sqlite' | 'redis' | 'memory';
}
