/** What the ledger says of modalities. */
import type { EpochMs } from './epoch-ms.ts';

/** What the ledger knows of a calling AE has changed, or is told for the first time in this process. */
export interface SourceObserved {
  readonly type: 'source.observed';
  readonly at: EpochMs;
  readonly callingAeTitle: string;
  /** Quiet for longer than its habit at this hour of the week. */
  readonly silent: boolean;
  /** Before it was silent, where it is or was. */
  readonly lastSeenAt: EpochMs;
  /** How long it may be quiet, from when it was last seen; undefined: too little is known of it. */
  readonly habitGapMs: number | undefined;
  /** Told by one of the nodes that share a ledger; undefined: it only is so. */
  readonly change: 'silent' | 'back' | undefined;
}

/** A calling AE took a worklist item up, and no study with its accession number followed in time. */
export interface WorklistUnfollowed {
  readonly type: 'worklist.unfollowed';
  readonly at: EpochMs;
  readonly callingAeTitle: string;
  /** When it took it up. */
  readonly askedAt: EpochMs;
}
