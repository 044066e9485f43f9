import type { EnvelopeStart } from './envelope.ts';

/** What the head of a data set said of its instance, known when it has come. */
export type LateFields = Pick<EnvelopeStart, 'studyInstanceUid' | 'seriesInstanceUid' | 'modality' | 'traceparent'>;

/** Where instances are kept until they can be delivered: what the relay needs of the spool and the queue behind it. */
export interface InstanceStore {
  /** False: nothing can be taken now (full, failing). May change at any time; `commit` is what counts. */
  readonly accepting: boolean;
  /**
   * Begins to keep an instance. Nothing is promised before its `commit` has resolved. `provisionally`: most likely it will be discarded, so
   * what can be done at `commit` is not done before.
   */
  begin(start: EnvelopeStart, provisionally?: boolean): InstanceIntake;
}

/** One instance on its way into the store. */
export interface InstanceIntake {
  /** Takes the next bytes of the data set; they are copied before it returns. False: await `drained` before the next. */
  write(bytes: Uint8Array): boolean;
  /** Resolves when more may be written; rejects when nothing more can be. */
  readonly drained: Promise<void>;
  /** Resolves when, and only when, the instance is safe: synced, and found again after a power cut. Rejects otherwise. */
  commit(late: LateFields): Promise<void>;
  /** Lets go of it; leaves nothing. */
  discard(): void;
}
