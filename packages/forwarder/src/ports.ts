import type { Destination } from '@radiotracer/config';
import type { Queue } from '@radiotracer/queue';
import type { Spool } from '@radiotracer/spool';
import type { Publish } from '@radiotracer/telemetry';
import type { Clock, DestinationCircuit, ProposedContext, RequestorOptions, Transport } from '@radiotracer/upper-layer';
import type { AssociateAc } from '@radiotracer/wire';
import type { Scheduler } from './scheduler.ts';
import type { Unremoved } from './unremoved.ts';

/** What the forwarder is made of; nothing else reaches outside. */
export interface ForwarderPorts {
  readonly spool: Pick<Spool, 'read' | 'look' | 'stateOf' | 'isAside' | 'move' | 'remove' | 'quarantine'>;
  readonly queue: Pick<Queue, 'claim' | 'extend' | 'settleMany' | 'reclaimExpired' | 'nextDueAt'>;
  /** The same object for the scheduler. Asked now and then to remove what it can. */
  readonly unremoved: Unremoved;
  /** Begins to connect. */
  readonly connect: (destination: Destination) => Transport;
  /** The same object for everybody who opens associations to this destination. */
  readonly circuit: (destinationId: string) => DestinationCircuit;
  /** Associations of modalities that are being relayed to it now. */
  readonly liveAssociations: (destinationId: string) => number;
  /** Asked now and then to make the schedule equal to the spool again, where it is not. */
  readonly scheduler: Pick<Scheduler, 'keep'>;
  readonly publish: Publish;
  /** Told what a destination has answered to the presentation contexts that were proposed to it. */
  readonly negotiated?: ((destinationId: string, contexts: readonly ProposedContext[], ac: AssociateAc) => void) | undefined;
  /** Told of what should not happen: a mistake of ours, or a schedule that is away while its expired leases are looked for. */
  readonly failed: (error: unknown) => void;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
}

export interface ForwarderTuning {
  /** How long a claim is ours; prolonged while we have it. After a crash what was claimed waits for so long. Default 20 s. */
  readonly leaseMs: number;
  /** Instances claimed at once per destination, about 2 KiB of memory each besides what is read ahead. Default 128. */
  readonly maxClaimed: number;
  /**
   * Memory for data sets per association, that of the instance being sent included; the same again per destination for small ones, which
   * are read whole when they are claimed. Default 4 MiB.
   */
  readonly aheadBytes: number;
  /** Instances whose files are open before their turn, per association. Default 8. */
  readonly maxAhead: number;
  /** Instances of a destination that are answered and not settled yet, at most; past it nothing more is sent. Default 64. */
  readonly maxUnsettled: number;
  /** Where it stands in the spool was known so long ago at most when it is sent: a person may have held or removed it. Default 100 ms; 0: looked up then. */
  readonly freshMs: number;
  /** How long an outcome waits for others to be settled with. Default 25 ms. */
  readonly gatherMs: number;
  /** How long an association is kept without work. Default 2 s. */
  readonly keepMs: number;
  /** The schedule is looked at so often at least: others change it too. Default 2 s. */
  readonly pollMs: number;
  /** Between two looks after the schedule itself: dead processes' leases, lost memory. Default 5 s. */
  readonly housekeepingMs: number;
  /** The wait for a C-STORE response where the destination's own time-out is 0: nobody waits here, but it must end. Default 2 min. */
  readonly responseMs: number;
  /** A data set is read in pieces of so many bytes; what fits into one is verified before it is begun. Default 1 MiB. */
  readonly pieceBytes: number;
  /** The longest pause between two instances while modalities are being relayed. Default 1 s. */
  readonly maxYieldMs: number;
}

export const defaultTuning: ForwarderTuning = {
  leaseMs: 20_000,
  maxClaimed: 128,
  aheadBytes: 4 * 2 ** 20,
  maxAhead: 8,
  maxUnsettled: 64,
  freshMs: 100,
  gatherMs: 25,
  keepMs: 2_000,
  pollMs: 2_000,
  housekeepingMs: 5_000,
  responseMs: 120_000,
  pieceBytes: 2 ** 20,
  maxYieldMs: 1_000,
};

export interface ForwarderOptions extends ForwarderPorts {
  readonly destinations: readonly Destination[];
  /** Whose spool is drained; a function: those that `spool` reaches now, which others drain, too; undefined: any, likewise. */
  readonly ownerId?: string | (() => readonly string[]) | undefined;
  /** Who we are, for operators who look at a lease: `proxy-1 (pid 4711)`. */
  readonly leaseHolder: string;
  readonly limits: RequestorOptions['limits'];
  readonly tuning?: Partial<ForwarderTuning>;
}
