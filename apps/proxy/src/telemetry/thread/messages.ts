/** What the thread of the associations and the thread of telemetry say to one another. */
import type { MessagePort } from 'node:worker_threads';
import type { Config } from '@radiotracer/config';
import type { DeliverySources, LedgerSource, RememberedStudy } from '@radiotracer/telemetry';
import type { ThreadData } from '../../integrity/message.ts';
import type { LoopDelay } from '../loop-watch.ts';
import type { SamplingRule } from '../sdk.ts';
import type { EventBytes } from './event-bytes.ts';

/** Given to the thread with its start. */
export interface ThreadStart {
  readonly config: Config;
  readonly version: string;
  readonly siteKey: Uint8Array;
  readonly logLevel: string;
  /** How many of the events that were sent have come through, modulo 2^32; shared, because an answer to each batch would cost more than the batch. */
  readonly come: Int32Array;
}

/** What telemetry asks of the others when a reader asks it. */
export interface Sources extends DeliverySources, LedgerSource {
  loopDelay(): Promise<LoopDelay>;
}

/** What the others ask of telemetry. */
export interface Questions {
  metricsText(): Promise<string | undefined>;
  flush(): Promise<void>;
  stats(): Promise<unknown>;
  shutdown(): Promise<void>;
}

interface Asked<What> {
  readonly kind: 'asked';
  readonly number: number;
  readonly what: What;
}

/** `value`: undefined too when it could not be answered. */
export interface Answer {
  readonly kind: 'answer';
  readonly number: number;
  readonly value: unknown;
}

export type ToThread =
  | { readonly kind: 'events'; readonly events: EventBytes; readonly lost: number }
  /** From now on these sources can be asked. */
  | { readonly kind: 'sources'; readonly of: 'delivery' | 'ledger' }
  /** Serves the ledger at that port. */
  | { readonly kind: 'integrity'; readonly port: MessagePort; readonly data: ThreadData }
  | { readonly kind: 'studies'; readonly studies: readonly RememberedStudy[] }
  | Asked<keyof Questions>
  | Answer;

export type FromThread =
  | { readonly kind: 'ready'; readonly sampling: SamplingRule }
  | { readonly kind: 'lines'; readonly lines: string }
  | { readonly kind: 'rolled-over'; readonly studyInstanceUid: string; readonly generation: number }
  | Asked<keyof Sources>
  | Answer;
