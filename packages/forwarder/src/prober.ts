import type { Timer } from '@radiotracer/upper-layer';
import { type ProbeOptions, probe } from './probe.ts';
import { ProbeTitles } from './probe-titles.ts';

export interface ProberParts extends Omit<ProbeOptions, 'callingAeTitle' | 'calledAeTitle'> {
  /** Told of each probe as it begins. */
  readonly probing: () => void;
  /** To be done beside. */
  readonly task: (work: () => Promise<void>) => void;
}

/** Asks a destination that is down, now and then, whether it is there. */
export class Prober {
  /** Under which it is asked. */
  readonly titles = new ProbeTitles();
  readonly #parts: ProberParts;
  #timer: Timer | undefined;

  constructor(parts: ProberParts) {
    this.#parts = parts;
  }

  /** To be called after each change of the circuit: the next probe, if there is to be one. */
  arm(): void {
    const { circuit, clock, destination, task } = this.#parts;
    this.stop();
    if (circuit.state === 'open') this.#timer = clock.setTimer(() => task(() => this.#probe()), destination.circuit.probeMs);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #probe(): Promise<void> {
    const { circuit, destination, probing } = this.#parts;
    // Another's turn is as good: its end is a change, and so arms the next.
    if (!circuit.probing()) return;
    probing();
    const titles = this.titles.best;
    const callingAeTitle = titles?.callingAeTitle ?? 'RADIOTRACER';
    const calledAeTitle = destination.aet ?? titles?.calledAeTitle ?? 'ANY-SCP';
    await probe({ ...this.#parts, callingAeTitle, calledAeTitle });
    // They may be all that it does not answer.
    if (titles !== undefined && circuit.isOpen) this.titles.failed(titles);
  }
}
