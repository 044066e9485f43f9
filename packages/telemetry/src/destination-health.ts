import type { CircuitChanged, EpochMs, ErrorType } from './event.ts';

/** up: what was last tried worked; failing: it did not; down: the circuit is not closed. */
export type DestinationState = 'up' | 'failing' | 'down';

export const destinationStates: readonly DestinationState[] = ['up', 'failing', 'down'];

const maxDestinations = 1000;

/** How destinations fare, by what is told of them. Unknown until something is. */
export class DestinationHealth {
  readonly #states = new Map<string, { failing: boolean; down: boolean; at: EpochMs }>();

  /** An association or a delivery ended; `errorType`: undefined when it went well. */
  fared(destinationId: string | undefined, errorType: ErrorType | string | undefined, at: EpochMs): void {
    if (destinationId === undefined) return;
    const state = this.#of(destinationId, at);
    // Told in the order of happening, but for associations that overlap: the later one counts.
    if (state === undefined || at < state.at) return;
    state.failing = errorType !== undefined;
    state.at = at;
  }

  circuit(event: CircuitChanged): void {
    const state = this.#of(event.destinationId, event.at);
    if (state !== undefined) state.down = event.to !== 'closed';
    if (event.to === 'closed') this.fared(event.destinationId, undefined, event.at);
  }

  *[Symbol.iterator](): IterableIterator<readonly [destinationId: string, state: DestinationState]> {
    for (const [id, { failing, down }] of this.#states) yield [id, down ? 'down' : failing ? 'failing' : 'up'];
  }

  #of(destinationId: string, at: EpochMs) {
    const known = this.#states.get(destinationId);
    if (known !== undefined || this.#states.size >= maxDestinations) return known;
    const state = { failing: false, down: false, at };
    this.#states.set(destinationId, state);
    return state;
  }
}
