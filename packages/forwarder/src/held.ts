import type { Envelope } from '@radiotracer/instance';
import type { Lease, QueueEntry } from '@radiotracer/queue';
import type { Reading } from './reading.ts';

/** A claimed instance. */
export interface Held {
  readonly entry: QueueEntry;
  readonly envelope: Envelope;
  /** Of its whole file. */
  readonly fileBytes: number;
  /** As it was last prolonged. */
  lease: Lease;
  /** Somebody else may be sending it. */
  lost: boolean;
  /** By which it was last offered, as telemetry knows it. */
  associationId?: string;
  /** Its file, if it is being read before its turn. */
  reading: Reading | undefined;
}

/** What goes on one association, in order: what was claimed of one study under the same AE titles. */
export interface Group extends Titles {
  readonly key: string;
  readonly held: Held[];
  /** What is left of it may be all as the last one was: others go first. */
  notBefore?: number;
}

/** Under which an association is opened. */
export interface Titles {
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
}

/** Nothing but them. */
export function titlesOf({ callingAeTitle, calledAeTitle }: Titles): Titles {
  return { callingAeTitle, calledAeTitle };
}

export function titlesKey({ callingAeTitle, calledAeTitle }: Titles): string {
  return JSON.stringify([callingAeTitle, calledAeTitle]);
}

/** An entry without a study is a study of its own. */
export function groupKey({ entry, envelope }: Held): string {
  return JSON.stringify([titlesKey(envelope), entry.studyKey === '' ? ['id', entry.ownerId, entry.id] : entry.studyKey]);
}
