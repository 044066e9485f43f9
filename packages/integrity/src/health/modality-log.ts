/** From what the stages publish to what is counted of each modality. */
import {
  type AssociationEnded,
  type DeliveryAttempted,
  hasArrived,
  type OperationEnded,
  type TelemetryEvent,
} from '@radiotracer/telemetry';
import { hashText, keptUid } from '../observe.ts';
import { bucketOf } from './latency-histogram.ts';
import type { LocalTime } from './local-time.ts';
import { ModalityDelta } from './modality-delta.ts';
import { keptTitle, otherModalities } from './modality-record.ts';

/** Modality Worklist Information Model - FIND, PS3.4 K.6.1. */
export const worklistSopClass = '1.2.840.10008.5.1.4.31';

/** Between two writes; more titles than that are counted together. */
const maxTitles = 1000;
const maxAssociations = 10_000;
const maxSpooled = 20_000;

export class ModalityLog {
  readonly #time: LocalTime;
  #deltas = new Map<string, ModalityDelta>();
  /** Who opened an association; what ends does not say. */
  readonly #callers = new Map<string, string>();
  /** Who sent what waits: the envelope has the title that the destination is to see. */
  readonly #senders = new Map<string, string>();

  constructor(time: LocalTime) {
    this.#time = time;
  }

  hear(event: TelemetryEvent): void {
    switch (event.type) {
      case 'association.opened':
        if (event.role !== 'server') return;
        remember(this.#callers, event.associationId, event.callingAeTitle, maxAssociations);
        this.#seen(event.callingAeTitle, event.at).count(event.at, { associations: 1 });
        return;
      case 'association.ended':
        this.#associationEnded(event);
        return;
      case 'operation.ended':
        if (event.invokedBy === 'requestor') this.#operationEnded(event);
        return;
      case 'delivery.attempted':
        if (hasArrived(event)) this.#delivered(event);
        return;
      case 'delivery.dead_lettered':
        this.delta(this.#senderOf(event)).count(event.at, { dead: 1 });
        return;
      default:
        return;
    }
  }

  /** What came together since the last time. */
  take(): ReadonlyMap<string, ModalityDelta> {
    const taken = this.#deltas;
    this.#deltas = new Map();
    return taken;
  }

  delta(aeTitle: string): ModalityDelta {
    const title = keptTitle(aeTitle);
    const kept = this.#deltas.has(title) || this.#deltas.size < maxTitles ? title : otherModalities;
    const delta = this.#deltas.get(kept) ?? new ModalityDelta();
    this.#deltas.set(kept, delta);
    return delta;
  }

  #seen(aeTitle: string, at: number): ModalityDelta {
    const delta = this.delta(aeTitle);
    delta.seen(at, this.#time.slotOf(at));
    return delta;
  }

  #associationEnded({ associationId, at, outcome, errorType }: AssociationEnded): void {
    const caller = this.#callers.get(associationId);
    // One that we opened.
    if (caller === undefined) return;
    this.#callers.delete(associationId);
    const type = errorType ?? (outcome === 'rejected' || outcome === 'aborted' ? outcome : undefined);
    this.#seen(caller, at).count(at, {
      ...(outcome === 'rejected' ? { rejects: 1 } : {}),
      ...(outcome === 'aborted' ? { aborts: 1 } : {}),
      ...(outcome === 'timed_out' ? { timeouts: 1 } : {}),
      ...(type === undefined ? {} : { errors: { [type]: 1 } }),
    });
  }

  #operationEnded(event: OperationEnded): void {
    const { endedAt: at, statusClass, disposition, requestInAt, responseInAt, responseOutAt } = event;
    const delta = this.#seen(event.callingAeTitle, at);
    // What was cut short by the end of its association counts there, once.
    if (statusClass === 'failure') delta.count(at, { errors: { [event.errorType ?? 'status_failure']: 1 } });
    if (event.operation === 'C-FIND' && event.sopClassUid === worklistSopClass) delta.count(at, { queries: 1 });
    const isAcknowledged = (statusClass === 'success' || statusClass === 'warning') && responseOutAt !== undefined;
    if (event.operation !== 'C-STORE' || !isAcknowledged) return;
    const study = hashText(keptUid(event.head?.studyInstanceUid) ?? '');
    if (!delta.studies.has(study)) delta.studies.set(study, requestInAt);
    delta.instanceAt = Math.max(delta.instanceAt ?? at, at);
    const isRelayed = disposition === 'relayed' && responseInAt !== undefined;
    delta.count(at, { instances: 1, bytes: event.dataSetBytes, studies: [study], ...(isRelayed ? took(responseInAt - requestInAt) : {}) });
    if (disposition === 'spooled') remember(this.#senders, placeOf(event), event.callingAeTitle, maxSpooled);
  }

  #delivered(event: DeliveryAttempted): void {
    const sender = this.#senderOf(event);
    this.#senders.delete(placeOf(event));
    this.delta(sender).count(event.endedAt, took(event.endedAt - event.receivedAt));
  }

  #senderOf(event: Parameters<typeof placeOf>[0] & { readonly callingAeTitle: string }): string {
    return this.#senders.get(placeOf(event)) ?? event.callingAeTitle;
  }
}

function took(ms: number) {
  return { latency: { [bucketOf(ms)]: 1 } };
}

function placeOf({ sopInstanceUid = '', destinationId = '' }: { sopInstanceUid?: string | undefined; destinationId?: string | undefined }) {
  return `${destinationId} ${keptUid(sopInstanceUid)}`;
}

/** The oldest makes room. */
function remember(map: Map<string, string>, key: string, value: string, max: number): void {
  map.delete(key);
  if (map.size >= max) map.delete(map.keys().next().value ?? '');
  map.set(key, value);
}
