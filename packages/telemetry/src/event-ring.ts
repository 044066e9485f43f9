import type { TelemetryEvent } from './event.ts';

/** Told for every instance, or operation. */
const perInstance: ReadonlySet<TelemetryEvent['type']> = new Set<TelemetryEvent['type']>([
  'operation.ended',
  'delivery.attempted',
  'delivery.dead_lettered',
  'spool.committed',
  'spool.failed',
  'spool.found',
]);

/** Such events stop at a limit; the others are few, and have a reserve. */
export function isPerInstance(event: TelemetryEvent): boolean {
  return perInstance.has(event.type);
}

/**
 * A bounded first-in-first-out of events. Full, it drops the newest and counts. What comes once per instance stops at the limit; the
 * rest may use a reserve past it: there are few of them, and without its end an association would look open for ever.
 */
export class EventRing {
  readonly #slots: (TelemetryEvent | undefined)[];
  readonly #maxEvents: number;
  #head = 0;
  #size = 0;
  #dropped = 0;

  /** @param maxEvents without the reserve, which is an eighth of it, 16 at least. */
  constructor(maxEvents: number) {
    this.#maxEvents = maxEvents;
    this.#slots = new Array<TelemetryEvent | undefined>(maxEvents + Math.max(16, maxEvents >> 3)).fill(undefined);
  }

  get size(): number {
    return this.#size;
  }

  /** Events that found no room. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Slots in all, the reserve included. */
  get capacity(): number {
    return this.#slots.length;
  }

  /** False when there was no room. */
  push(event: TelemetryEvent): boolean {
    const limit = isPerInstance(event) ? this.#maxEvents : this.#slots.length;
    if (this.#size >= limit) {
      this.#dropped += 1;
      return false;
    }
    this.#slots[(this.#head + this.#size) % this.#slots.length] = event;
    this.#size += 1;
    return true;
  }

  /** The oldest, or undefined when empty. */
  shift(): TelemetryEvent | undefined {
    if (this.#size === 0) return undefined;
    const event = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#slots.length;
    this.#size -= 1;
    return event;
  }
}
