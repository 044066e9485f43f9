import { secondsBetween } from './epoch-time.ts';
import type { OperationEnded } from './event.ts';
import type { MetricSet } from './metric-set.ts';

/** Sums of one direction; milliseconds. */
export interface OverheadSum {
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
}

/** Time inside the relay. */
export interface OverheadSums {
  /** Request in → request out. */
  readonly request: OverheadSum;
  /** Final response in → response out. */
  readonly response: OverheadSum;
}

const none: OverheadSum = { count: 0, sumMs: 0, maxMs: 0 };

/** Measures what the relay adds: as a histogram, and as sums for who has no metrics reader. */
export class RelayOverhead {
  readonly #metrics: MetricSet;
  #request = none;
  #response = none;

  constructor(metrics: MetricSet) {
    this.#metrics = metrics;
  }

  get sums(): OverheadSums {
    return { request: this.#request, response: this.#response };
  }

  record(event: OperationEnded): void {
    const request = secondsBetween(event.commandInAt, event.requestOutAt);
    const response = secondsBetween(event.responseInAt, event.responseOutAt);
    const values = { 'dicom.operation.name': event.operation };
    if (request !== undefined) this.#request = added(this.#request, request * 1000);
    if (response !== undefined) this.#response = added(this.#response, response * 1000);
    this.#metrics.record('radiotracer.relay.overhead.duration', request, values);
    this.#metrics.record('radiotracer.relay.overhead.duration', response, values);
  }
}

function added(sum: OverheadSum, ms: number): OverheadSum {
  return { count: sum.count + 1, sumMs: sum.sumMs + ms, maxMs: Math.max(sum.maxMs, ms) };
}
