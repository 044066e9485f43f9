import type { AssociationErrorType } from './association-error.ts';

/** closed: it answers as far as anybody knows. open: it is down. half-open: one probe is under way. */
export type CircuitState = 'closed' | 'open' | 'half-open';

export interface CircuitChange {
  readonly from: CircuitState;
  readonly to: CircuitState;
  /** What opened it; undefined otherwise. */
  readonly errorType: AssociationErrorType | undefined;
}

export interface CircuitOptions {
  /** Failures in a row that open it; at least 1. */
  readonly failures: number;
}

/**
 * What is known of a destination, by all who open associations to it: each tells how its own went, and asks before it waits for one that
 * is known to be down. Opens after so many failures in a row, and at once when nothing listens there. Whoever owns the probe asks with
 * `probing` for the turn and tells how that went. No timer, no clock: those are the prober's.
 *
 *             failed × n, or connection_refused           probing
 *     closed ───────────────────────────────────> open ──────────────> half-open
 *       ▲  ▲──────────────── succeeded ────────────┘ ▲────── failed ──────┘ │
 *       └───────────────────────────────────── succeeded ───────────────────┘
 */
export class DestinationCircuit {
  readonly #failures: number;
  readonly #listeners = new Set<(change: CircuitChange) => void>();
  #state: CircuitState = 'closed';
  #inARow = 0;

  constructor({ failures }: CircuitOptions) {
    this.#failures = failures;
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** Not to be waited for: open, or only probed. */
  get isOpen(): boolean {
    return this.#state !== 'closed';
  }

  /** An association could not be had, or ended before its time. Not for what the destination answered: an answer is a success here. */
  failed(errorType: AssociationErrorType): void {
    this.#inARow++;
    if (this.#state === 'open') return;
    if (this.#state === 'half-open' || errorType === 'connection_refused' || this.#inARow >= this.#failures) this.#enter('open', errorType);
  }

  /** The destination answered. What only a probe says is believed until the next failure: it may answer C-ECHO and nothing else. */
  succeeded(): void {
    this.#inARow = this.#state === 'half-open' ? this.#failures - 1 : 0;
    if (this.#state !== 'closed') this.#enter('closed', undefined);
  }

  /** The turn to probe; false when it is not open, or somebody else is probing. End it by `failed` or `succeeded`. */
  probing(): boolean {
    if (this.#state !== 'open') return false;
    this.#enter('half-open', undefined);
    return true;
  }

  /** Told after each change. Returns what ends it. */
  onChange(listener: (change: CircuitChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #enter(to: CircuitState, errorType: AssociationErrorType | undefined): void {
    const change = { from: this.#state, to, errorType };
    this.#state = to;
    for (const listener of [...this.#listeners]) listener(change);
  }
}
