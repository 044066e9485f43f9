/**
 * Says once when a destination's backlog has come to its end: after a delivery the schedule is asked, a moment later and not more often
 * than that, whether anything still waits; and now and then while something does, for the last of it may be given up, held or removed.
 */
import type { SpanContext } from '@opentelemetry/api';
import type { Clock } from './clock.ts';
import { type DeliverySources, inTime, type QueueCounts } from './delivery-observer.ts';
import type { DeliveryAttempted, DeliveryBacklogEnded, EpochMs } from './event.ts';

const lookAfterMs = 1000;
const lookAgainAfterMs = 30_000;
const maxDestinations = 1000;

/** What was delivered of a backlog so far. */
interface Drained {
  delivered: number;
  oldestReceivedAt: EpochMs;
  lastAt: EpochMs;
  lastContext: SpanContext | undefined;
}

export interface BacklogWatchOptions {
  readonly clock: Clock;
  /** Must not throw. */
  readonly ended: (event: DeliveryBacklogEnded, context: SpanContext | undefined) => void;
}

export class BacklogWatch {
  readonly #options: BacklogWatchOptions;
  readonly #drained = new Map<string, Drained>();
  #sources: Pick<DeliverySources, 'queueCounts'> | undefined;
  #isLooking = false;
  #next: { readonly isLate: boolean; readonly cancel: () => void } | undefined;

  constructor(options: BacklogWatchOptions) {
    this.#options = options;
  }

  /** Where to ask; until then nothing is said. */
  watch(sources: Pick<DeliverySources, 'queueCounts'>): void {
    this.#sources = sources;
  }

  delivered(event: DeliveryAttempted, context: SpanContext | undefined): void {
    const { destinationId, receivedAt, endedAt } = event;
    const drained = this.#drained.get(destinationId) ?? {
      delivered: 0,
      oldestReceivedAt: receivedAt,
      lastAt: endedAt,
      lastContext: context,
    };
    if (!this.#drained.has(destinationId) && this.#drained.size >= maxDestinations) return;
    drained.delivered += 1;
    drained.oldestReceivedAt = Math.min(drained.oldestReceivedAt, receivedAt);
    drained.lastAt = endedAt;
    drained.lastContext = context;
    this.#drained.set(destinationId, drained);
    this.#lookIn(lookAfterMs);
  }

  #lookIn(afterMs: number): void {
    const isLate = afterMs > lookAfterMs;
    if (this.#isLooking || this.#sources === undefined || (this.#next !== undefined && (isLate || !this.#next.isLate))) return;
    this.#next?.cancel();
    const cancel = this.#options.clock.after(afterMs, () => {
      this.#next = undefined;
      this.#isLooking = true;
      void this.#look().then((again) => {
        this.#isLooking = false;
        if (again) this.#lookIn(lookAfterMs);
        else if (this.#drained.size > 0) this.#lookIn(lookAgainAfterMs);
      });
    });
    this.#next = { isLate, cancel };
  }

  /** True: what was delivered meanwhile needs a look of its own, or the schedule did not answer. Never rejects. */
  async #look(): Promise<boolean> {
    const sources = this.#sources;
    if (sources === undefined) return false;
    const before = new Map([...this.#drained].map(([id, { delivered }]) => [id, delivered]));
    const counts = await inTime(this.#options.clock, () => sources.queueCounts());
    if (counts === undefined) return true;
    const pending = new Map(counts.map(({ destinationId, states }) => [destinationId, pendingEntries(states)]));
    let again = false;
    for (const [destinationId, drained] of this.#drained) {
      if (drained.delivered !== before.get(destinationId)) again = true;
      else if ((pending.get(destinationId) ?? 0) === 0) this.#end(destinationId, drained);
    }
    return again;
  }

  #end(destinationId: string, { delivered, oldestReceivedAt, lastAt, lastContext }: Drained): void {
    this.#drained.delete(destinationId);
    this.#options.ended({ type: 'delivery.backlog_ended', destinationId, at: lastAt, delivered, oldestReceivedAt }, lastContext);
  }
}

function pendingEntries(states: QueueCounts['states']): number {
  return (states['waiting']?.entries ?? 0) + (states['leased']?.entries ?? 0);
}
