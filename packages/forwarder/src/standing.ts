/** How a destination stands: whether it may be tried now, and under which AE titles. */
import type { RetryConfig } from '@radiotracer/config';
import { type AssociationErrorType, type DestinationCircuit, isAnswer } from '@radiotracer/upper-layer';
import type { Group, Titles } from './held.ts';
import { Prober, type ProberParts } from './prober.ts';
import { Rest } from './rest.ts';
import { errorTypeOf, isCongestion, isSilence } from './store-association.ts';
import { TitleRests } from './title-rests.ts';

export interface StandingOptions extends ProberParts {
  readonly retry: RetryConfig;
  readonly random: () => number;
  /** Another state of the circuit. */
  readonly changed: Parameters<DestinationCircuit['onChange']>[0];
}

/** Rests so often in a row, and another study is tried next. */
const failuresOfOne = 3;

export class Standing {
  readonly #options: StandingOptions;
  readonly #rest: Rest;
  readonly #titles: TitleRests;
  readonly #prober: Prober;
  readonly #endWatch: () => void;
  #isWatched = false;

  constructor(options: StandingOptions) {
    const { circuit, retry, random, changed } = options;
    this.#options = options;
    this.#rest = new Rest(retry, random);
    this.#titles = new TitleRests(retry, random);
    this.#prober = new Prober(options);
    this.#endWatch = circuit.onChange((change) => {
      if (change.to === 'closed') this.#rest.end();
      if (this.#isWatched) this.#prober.arm();
      changed(change);
    });
  }

  /** From now on it is asked now and then while it is down. */
  start(): void {
    this.#isWatched = true;
    this.#prober.arm();
  }

  stop(): void {
    this.#isWatched = false;
    this.#endWatch();
    this.#prober.stop();
  }

  /** Something may be sent to it. */
  get isOpen(): boolean {
    return !this.isDown && this.#rest.until <= this.#now();
  }

  get isDown(): boolean {
    return this.#options.circuit.isOpen;
  }

  /** When its rest is over; past: it does not rest. */
  get restsUntil(): number {
    return this.#rest.until;
  }

  /** Not before, for these rest; 0: at once. */
  restOf(titles: Titles): number {
    return this.#titles.until(titles, this.#now());
  }

  /** Something waits under these. */
  seen(titles: Titles): void {
    this.#prober.titles.seen(titles);
  }

  accepted(titles: Titles): void {
    this.#titles.accepted(titles, this.#now());
    this.#prober.titles.accepted(titles);
  }

  /**
   * An association could not be had. Returns until when nothing is tried under these titles: it does not want us under them, as some say by a passing
   * rejection, an abort, or nothing at all, and others must not wait for what may last for ever. Undefined: it was none of these.
   */
  notAccepted(titles: Titles, error: unknown): number | undefined {
    const { circuit, clock } = this.#options;
    const at = clock.now();
    const errorType = errorTypeOf(error);
    if (isAnswer(errorType)) circuit.succeeded();
    else {
      circuit.failed(errorType);
      this.#prober.titles.failed(titles);
    }
    if (!isAnswer(errorType) || isCongestion(error)) this.#rest.failed(at);
    return isAnswer(errorType) || isSilence(error) ? this.#titles.failed(titles, at) : undefined;
  }

  answered(): void {
    this.#options.circuit.succeeded();
    this.#rest.worked();
  }

  /** Out of resources, to one of the group. */
  busy(group: Group): void {
    this.#options.circuit.succeeded();
    this.#restFrom(group);
  }

  /** An association ended before its time, with one of the group. `useful`: something had come of it. */
  broke(group: Group, errorType: AssociationErrorType, useful: boolean): void {
    this.#options.circuit.failed(errorType);
    if (!useful) this.#restFrom(group);
  }

  /** For a mistake of ours: there would be another at once. */
  leaveInPeace(): void {
    this.#rest.failed(this.#options.clock.now());
  }

  /** It may be what we send: a study of it, tried one by one between rests, would keep others waiting for days. */
  #restFrom(group: Group): void {
    this.#rest.failed(this.#options.clock.now());
    if (this.#rest.failures >= failuresOfOne) group.notBefore = this.#rest.until;
  }

  /** Whole milliseconds, as the schedule counts. */
  #now(): number {
    return Math.trunc(this.#options.clock.now());
  }
}
