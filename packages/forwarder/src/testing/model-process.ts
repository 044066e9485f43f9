import type { Socket } from 'node:net';
import type { Destination } from '@radiotracer/config';
import type { Queue } from '@radiotracer/queue';
import type { Spool, SpoolView } from '@radiotracer/spool';
import type { TelemetryEvent } from '@radiotracer/telemetry';
import { DestinationCircuit, plainTransport } from '@radiotracer/upper-layer';
import { Forwarder } from '../forwarder.ts';
import { Scheduler } from '../scheduler.ts';
import { Unremoved } from '../unremoved.ts';
import type { ProcessClock } from './sim-clock.ts';

export const destinationIds = ['pacs', 'vna'] as const;
export const retryBudgetMs = 7 * 86_400_000;

const destinations: readonly Destination[] = destinationIds.map((id) => ({
  id,
  host: id,
  port: 104,
  aet: undefined,
  tls: undefined,
  timeouts: {
    artimMs: 5_000,
    connectMs: 10_000,
    associateMs: 20_000,
    dimseResponseMs: 900_000,
    storeResponseMs: 0,
    idleMs: 0,
    releaseMs: 10_000,
  },
  maxAssociations: 2,
  retry: { initialMs: 30_000, maxMs: 3_600_000, budgetMs: retryBudgetMs },
  circuit: { failures: 3, probeMs: 240_000 },
  statuses: { delivered: [], retry: [], dead: [] },
  verify: true,
  commit: 'never' as const,
}));

/** How old what is known of a file's place may be when it is sent. */
export const freshMs = 100;
/** An hour of simulated time is a few looks at everything. */
const tuning = {
  freshMs,
  leaseMs: 600_000,
  maxClaimed: 6,
  keepMs: 5_000,
  pollMs: 240_000,
  housekeepingMs: 240_000,
  responseMs: 900_000,
  pieceBytes: 700,
  maxYieldMs: 1_000,
};
const watchMs = 300_000;

/** A process of the proxy, from boot to its end. */
export interface Process {
  readonly number: number;
  readonly clock: ProcessClock;
  readonly sockets: Set<Socket>;
  ended: boolean;
  /** Resolves when it has ended: what it was doing never comes to an end then. */
  readonly end: PromiseWithResolvers<void>;
  reached(): void;
  spool: Spool;
  /** As the command line sees the spool, beside the process. */
  view: SpoolView;
  queue: Queue;
  scheduler: Scheduler;
  forwarder: Forwarder;
  /** Intakes under way; none rejects. */
  readonly intakes: Set<Promise<void>>;
}

export interface ProcessPorts {
  readonly queue: Queue;
  readonly connect: (destinationId: string) => Socket;
  readonly told: (event: TelemetryEvent) => void;
  readonly failed: (error: unknown) => void;
  readonly random: () => number;
}

/** Puts scheduler and forwarder over the spool and starts them, as `apps/proxy` does. */
export async function assemble(process: Process, { queue, connect, told, failed, random }: ProcessPorts): Promise<void> {
  const { spool, clock } = process;
  const unremoved = new Unremoved({ spool, queue, clock, random });
  const shared = { spool, queue, unremoved, ownerId: 'proxy', failed, clock, random };
  const circuits = new Map(destinations.map(({ id, circuit }) => [id, new DestinationCircuit(circuit)]));
  process.queue = queue;
  process.scheduler = new Scheduler({ ...shared, publish: told, wake: (envelope) => process.forwarder.wake(envelope) });
  process.forwarder = new Forwarder({
    ...shared,
    scheduler: process.scheduler,
    destinations,
    connect: ({ id }) => plainTransport(connect(id)),
    circuit: (id) => circuits.get(id) ?? new DestinationCircuit({ failures: 1 }),
    liveAssociations: () => 0,
    publish: (event) => {
      if (!process.ended) told(event);
    },
    leaseHolder: `life ${process.number}`,
    limits: { maxCommandBytes: 64 * 1024 },
    tuning,
  });
  await process.scheduler.rebuild().catch(failed);
  if (process.ended) return;
  process.forwarder.start();
  const watch = () => {
    spool.check().catch(failed);
    clock.setTimer(watch, watchMs);
  };
  watch();
}
