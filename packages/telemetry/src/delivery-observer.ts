/** What waits and where, asked of the stages when a reader asks for metrics. A stage that is away, or slow, is not waited for. */
import type { Clock } from './clock.ts';
import type { CircuitChanged, EpochMs, QueueAvailability } from './event.ts';
import type { MetricSet } from './metric-set.ts';

/** One destination's part of the schedule. */
export interface QueueCounts {
  readonly destinationId: string;
  /** By state: waiting, leased, held, dead. */
  readonly states: Readonly<Record<string, { readonly entries: number; readonly bytes: number; readonly oldestReceivedAt?: number }>>;
}

export interface SpoolLevel {
  /** Undefined: soon after a start, not all is counted yet. */
  readonly usedBytes: number | undefined;
  /** 0: no limit. */
  readonly maxBytes: number;
  /** Of the volume; undefined: not known. */
  readonly freeBytes?: number | undefined;
  readonly accepting: boolean;
}

export interface CircuitLevel {
  readonly destinationId: string;
  readonly state: CircuitChanged['to'];
}

/** One that is shown to others, or that others have shown. Of a listener (its port) or of a destination. */
export interface CertificateExpiry {
  readonly listenerPort?: number | undefined;
  readonly destinationId?: string | undefined;
  readonly owner: 'self' | 'peer';
  /** Unix time. */
  readonly expiresAt: EpochMs;
}

/** Asked at every scrape and export; may reject or throw, or hang, and then there is nothing to see. */
export interface DeliverySources {
  queueCounts(): Promise<readonly QueueCounts[]>;
  /** Undefined: not known yet. */
  queueAvailable(): Promise<QueueAvailability | undefined>;
  spool(): Promise<SpoolLevel>;
  circuits(): Promise<readonly CircuitLevel[]>;
  certificates(): Promise<readonly CertificateExpiry[]>;
}

/** Longer than this no reader waits for the schedule. */
const patienceMs = 1000;
const availabilities: readonly QueueAvailability[] = ['yes', 'full', 'no'];
const circuitStates: readonly CircuitLevel['state'][] = ['closed', 'open', 'half-open'];
/** What has not come to an end. */
const pending = ['waiting', 'leased'];

export function observeDeliverySources(metrics: MetricSet, sources: DeliverySources, clock: Clock): void {
  metrics.observe(
    ['radiotracer.queue.size', 'radiotracer.queue.usage', 'radiotracer.queue.oldest_age', 'radiotracer.dead_letter.count'],
    async (observe) => {
      for (const { destinationId, states } of (await inTime(clock, () => sources.queueCounts())) ?? []) {
        const destination = { 'radiotracer.destination.id': destinationId };
        for (const [state, { entries, bytes }] of Object.entries(states)) {
          const values = { ...destination, 'radiotracer.queue.state': state };
          observe('radiotracer.queue.size', entries, values);
          observe('radiotracer.queue.usage', bytes, values);
        }
        const oldestAt = Math.min(...pending.map((state) => states[state]?.oldestReceivedAt ?? Number.POSITIVE_INFINITY));
        const ageMs = Number.isFinite(oldestAt) ? Math.max(0, clock.now() - oldestAt) : 0;
        observe('radiotracer.queue.oldest_age', ageMs / 1000, destination);
        observe('radiotracer.dead_letter.count', states['dead']?.entries ?? 0, destination);
      }
    },
  );
  metrics.observe(['radiotracer.queue.status'], async (observe) => {
    const available = await inTime(clock, () => sources.queueAvailable());
    if (available === undefined) return;
    for (const one of availabilities)
      observe('radiotracer.queue.status', one === available ? 1 : 0, { 'radiotracer.queue.available': one });
  });
  metrics.observe(
    [
      'radiotracer.spool.usage',
      'radiotracer.spool.limit',
      'radiotracer.spool.free',
      'radiotracer.spool.utilization',
      'radiotracer.spool.status',
    ],
    async (observe) => {
      const level = await inTime(clock, () => sources.spool());
      if (level === undefined) return;
      const { usedBytes, maxBytes, freeBytes, accepting } = level;
      if (usedBytes !== undefined) observe('radiotracer.spool.usage', usedBytes, {});
      if (maxBytes > 0) observe('radiotracer.spool.limit', maxBytes, {});
      if (freeBytes !== undefined) observe('radiotracer.spool.free', freeBytes, {});
      const wholeBytes = maxBytes > 0 ? maxBytes : (usedBytes ?? 0) + (freeBytes ?? 0);
      if (wholeBytes > 0 && usedBytes !== undefined) observe('radiotracer.spool.utilization', usedBytes / wholeBytes, {});
      observe('radiotracer.spool.status', accepting ? 1 : 0, { 'radiotracer.spool.state': 'accepting' });
      observe('radiotracer.spool.status', accepting ? 0 : 1, { 'radiotracer.spool.state': 'refusing' });
    },
  );
  metrics.observe(['radiotracer.circuit.state'], async (observe) => {
    for (const { destinationId, state } of (await inTime(clock, () => sources.circuits())) ?? []) {
      for (const one of circuitStates) {
        const values = { 'radiotracer.destination.id': destinationId, 'radiotracer.circuit.state': one };
        observe('radiotracer.circuit.state', one === state ? 1 : 0, values);
      }
    }
  });
  metrics.observe(['radiotracer.tls.certificate.expiry'], async (observe) => {
    for (const { listenerPort, destinationId, owner, expiresAt } of (await inTime(clock, () => sources.certificates())) ?? []) {
      const values = {
        'radiotracer.listener.port': listenerPort,
        'radiotracer.destination.id': destinationId,
        'radiotracer.tls.certificate.owner': owner,
      };
      observe('radiotracer.tls.certificate.expiry', (expiresAt - clock.now()) / 1000, values);
    }
  });
}

/** What is asked for; undefined when it fails or takes too long. */
export async function inTime<T>(clock: Clock, ask: () => Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const cancel = clock.after(patienceMs, () => resolve(undefined));
  try {
    return await Promise.race([ask(), late]);
  } catch {
    return undefined;
  } finally {
    cancel();
  }
}
