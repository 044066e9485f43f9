import type { Config } from '@radiotracer/config';
import type { LostInstances, StudyGeneration } from '@radiotracer/integrity';
import type { TelemetryEvent } from '@radiotracer/telemetry';
import type { EventBytes } from '../telemetry/thread/event-bytes.ts';

/** What the thread is begun with. */
export interface ThreadData {
  readonly config: Pick<Config, 'destinations' | 'routes' | 'limits' | 'spool' | 'queue' | 'telemetry' | 'integrity'>;
  readonly siteKey: Uint8Array;
  readonly node: string;
  /** Of a process that began before: what was on its way to the last thread comes again. */
  readonly isAgain: boolean;
}

export type ToThread =
  | { readonly kind: 'events'; readonly batch: number; readonly events: EventBytes }
  /** Events about these studies were lost on the way; `''`: about whichever. */
  | { readonly kind: 'lost'; readonly studyUids: readonly string[]; readonly since: number }
  /** Writes down what came, looks at what is due, and answers `flushed`. */
  | { readonly kind: 'flush'; readonly id: number }
  /** Writes down what came, closes, and ends. */
  | { readonly kind: 'stop' };

export type FromThread =
  /** It can read its ledger: where the studies stand that were closed last. */
  | { readonly kind: 'started'; readonly generations: readonly StudyGeneration[] }
  /** The same, of a ledger that others close studies in too. */
  | { readonly kind: 'generations'; readonly generations: readonly StudyGeneration[] }
  /** The batch is in the ledger. */
  | { readonly kind: 'written'; readonly batch: number }
  | { readonly kind: 'told'; readonly event: TelemetryEvent }
  | { readonly kind: 'levels'; readonly lost: readonly LostInstances[]; readonly dropped: number }
  /** `message`: only where it can quote nothing of a patient. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string | undefined }
  /** What is there while something is unwritten could not be made: should the process be killed now, the next does not know that something may be missing. */
  | { readonly kind: 'unmarked'; readonly code: string; readonly message: string }
  /** A ledger that could not be read is kept under that name, and a new one begun. */
  | { readonly kind: 'moved-aside'; readonly path: string }
  | { readonly kind: 'flushed'; readonly id: number }
  | { readonly kind: 'stopped' };
