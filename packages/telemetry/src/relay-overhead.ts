import type { Histogram, Meter } from '@opentelemetry/api';
import type { AttributeGate } from './attribute-gate.ts';
import { secondsBetween } from './epoch-time.ts';
import type { OperationEnded } from './event.ts';

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

/** 10 µs to 1 s. */
const boundariesSeconds = [
  0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];

const none: OverheadSum = { count: 0, sumMs: 0, maxMs: 0 };

/** Measures what the relay adds: as a histogram, and as sums for who has no metrics reader. */
export class RelayOverhead {
  readonly #histogram: Histogram;
  readonly #gate: AttributeGate;
  #request = none;
  #response = none;

  /** @param meter of a provider that is registered already: instruments made before are no-ops for ever. */
  constructor(meter: Meter, gate: AttributeGate) {
    this.#gate = gate;
    this.#histogram = meter.createHistogram('radiotracer.relay.overhead.duration', {
      unit: 's',
      description: 'Request in to request out, and response in to response out',
      advice: { explicitBucketBoundaries: boundariesSeconds },
    });
  }

  get sums(): OverheadSums {
    return { request: this.#request, response: this.#response };
  }

  record(event: OperationEnded): void {
    const request = secondsBetween(event.commandInAt, event.requestOutAt);
    const response = secondsBetween(event.responseInAt, event.responseOutAt);
    if (request === undefined && response === undefined) return;
    const attributes = this.#gate({ 'dicom.operation.name': event.operation });
    if (request !== undefined) {
      this.#request = added(this.#request, request * 1000);
      this.#histogram.record(request, attributes);
    }
    if (response !== undefined) {
      this.#response = added(this.#response, response * 1000);
      this.#histogram.record(response, attributes);
    }
  }
}

function added(sum: OverheadSum, ms: number): OverheadSum {
  return { count: sum.count + 1, sumMs: sum.sumMs + ms, maxMs: Math.max(sum.maxMs, ms) };
}
