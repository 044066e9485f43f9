/**
 * Instruments for the metrics of the registry. Counters and gauges are kept here, as numbers by label set, and handed over when a reader
 * asks: counting costs a look into a map, where a record in OpenTelemetry's SDK costs a few microseconds. Histograms are the SDK's.
 */
import type { Attributes, BatchObservableResult, Histogram, Meter, Observable, ObservableResult } from '@opentelemetry/api';
import type { AttributeValues } from './attribute.ts';
import type { AttributeGate, GatedAttributes } from './attribute-gate.ts';
import { type AttributesOf, type MetricDefinition, type MetricName, type MetricOf, metricRegistry } from './metric.ts';

/** Values for the attributes of one metric; undefined means absent. */
export type MetricValues<Name extends MetricName> = Pick<AttributeValues, AttributesOf<Name> & keyof AttributeValues>;

/** Reported from elsewhere when a reader asks. */
export type Observe = <Name extends MetricOf<'counter' | 'up-down-counter' | 'gauge'>>(
  name: Name,
  value: number,
  values: MetricValues<Name>,
) => void;

/** Label sets of one metric; further ones are told together, as OpenTelemetry does it. */
const maxSeries = 1000;
const overflow: Attributes = { 'otel.metric.overflow': true };

/** The attributes of one metric: through the gate once per label set. */
class LabelSets {
  readonly #sets = new Map<string, Attributes>();
  readonly #names: readonly (keyof AttributeValues)[];
  readonly #gate: AttributeGate;

  constructor(definition: MetricDefinition, gate: AttributeGate) {
    this.#names = definition.attributes;
    this.#gate = gate;
  }

  of(values: AttributeValues): Attributes {
    let key = '';
    for (const name of this.#names) key += `${values[name] ?? ''}\0`;
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    if (this.#sets.size >= maxSeries) return overflow;
    const chosen: GatedAttributes = this.#gate(Object.fromEntries(this.#names.map((name) => [name, values[name]])));
    this.#sets.set(key, chosen);
    return chosen;
  }
}

export class MetricSet {
  readonly #meter: Meter;
  readonly #gate: AttributeGate;
  readonly #labels = new Map<MetricName, LabelSets>();
  readonly #histograms = new Map<MetricName, Histogram>();
  readonly #observables = new Map<MetricName, Observable>();
  readonly #numbers = new Map<MetricName, Map<Attributes, number>>();

  /** @param meter of a provider that is registered already: instruments made before are no-ops for ever. */
  constructor(meter: Meter, gate: AttributeGate) {
    this.#meter = meter;
    this.#gate = gate;
    for (const [name, definition] of Object.entries<MetricDefinition>(metricRegistry)) this.#make(name as MetricName, definition);
  }

  record<Name extends MetricOf<'histogram'>>(name: Name, value: number | undefined, values: MetricValues<Name>): void {
    if (value !== undefined) this.#histograms.get(name)?.record(value, this.#labelsOf(name, values));
  }

  add<Name extends MetricOf<'counter'>>(name: Name, amount: number, values: MetricValues<Name>): void {
    const numbers = this.#numbersOf(name);
    const labels = this.#labelsOf(name, values);
    numbers.set(labels, (numbers.get(labels) ?? 0) + amount);
  }

  /** The last value stands until the next. */
  set<Name extends MetricOf<'gauge'>>(name: Name, value: number, values: MetricValues<Name>): void {
    this.#numbersOf(name).set(this.#labelsOf(name, values), value);
  }

  /** Calls when a reader asks. What is thrown, or comes later than the reader waits, is nothing observed. */
  observe(names: readonly MetricName[], call: (observe: Observe) => void | Promise<void>): void {
    const observables = names.map((name) => this.#observables.get(name)).filter((one) => one !== undefined);
    this.#meter.addBatchObservableCallback(async (result: BatchObservableResult) => {
      await call((name, value, values) => {
        const observable = this.#observables.get(name);
        if (observable !== undefined) result.observe(observable, value, this.#labelsOf(name, values));
      });
    }, observables);
  }

  #make(name: MetricName, definition: MetricDefinition): void {
    const { unit, description, boundaries = [] } = definition;
    const options = { unit, description };
    this.#labels.set(name, new LabelSets(definition, this.#gate));
    switch (definition.instrument) {
      case 'histogram': {
        const advice = { explicitBucketBoundaries: [...boundaries] };
        this.#histograms.set(name, this.#meter.createHistogram(name, { ...options, advice }));
        return;
      }
      case 'counter':
        this.#observables.set(name, this.#meter.createObservableCounter(name, options));
        return;
      case 'up-down-counter':
        this.#observables.set(name, this.#meter.createObservableUpDownCounter(name, options));
        return;
      case 'gauge':
        this.#observables.set(name, this.#meter.createObservableGauge(name, options));
        return;
    }
  }

  /** Metrics that are counted here get a callback with the first number; the others are observed by whoever knows. */
  #numbersOf(name: MetricName): Map<Attributes, number> {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const numbers = new Map<Attributes, number>();
    this.#numbers.set(name, numbers);
    this.#observables.get(name)?.addCallback((result: ObservableResult) => {
      for (const [labels, value] of numbers) result.observe(value, labels);
    });
    return numbers;
  }

  #labelsOf(name: MetricName, values: AttributeValues): Attributes {
    return this.#labels.get(name)?.of(values) ?? {};
  }
}
