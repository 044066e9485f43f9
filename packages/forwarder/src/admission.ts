import type { Envelope } from '@radiotracer/instance';
import type { Claimed } from '@radiotracer/queue';
import { type InstanceState, type Spool, SpoolError } from '@radiotracer/spool';
import type { Held } from './held.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { ReadAhead } from './read-ahead.ts';
import type { Reading } from './reading.ts';
import type { Settler } from './settler.ts';
import type { Unremoved } from './unremoved.ts';

export interface AdmissionParts {
  readonly spool: Pick<Spool, 'look'>;
  readonly ahead: ReadAhead;
  readonly leases: LeaseKeeper;
  readonly settler: Settler;
  readonly unremoved: Unremoved;
  /** What may be sent, in the order in which it was claimed. */
  readonly put: (held: Held) => void;
  /** Not before, for its AE titles rest; 0: at once. */
  readonly restOf: (envelope: Envelope) => number;
  /** To be done beside. */
  readonly task: (work: () => Promise<void>) => void;
}

interface Found {
  readonly envelope: Envelope;
  readonly state: InstanceState;
  readonly bytes: number;
  readonly reading: Reading | undefined;
}

/** Why an entry was given back. */
export const titlesRest = 'its AE titles were rejected, or not answered';

/** Files looked at at once: enough for a disk to have something to do, few enough not to fill Node's thread pool for long. */
const lookahead = 16;
/** Small ones are read whole, and need not be opened again. */
const maxWholeBytes = 64 * 1024;

/** Looks for what was claimed in the spool, and makes of it what can be sent. */
export class Admission {
  readonly #parts: AdmissionParts;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  async admit(all: readonly Claimed[]): Promise<void> {
    const { unremoved, settler, task } = this.#parts;
    const claimed = all.filter(({ entry }) => !unremoved.has(entry));
    for (const one of all) if (unremoved.has(one.entry)) task(() => settler.deliveredBefore(one));
    const looks: Promise<Found>[] = [];
    for (const [at, one] of claimed.entries()) {
      for (const next of claimed.slice(looks.length, at + lookahead)) {
        const look = this.#look(next);
        // Told in its turn.
        look.catch(() => {});
        looks.push(look);
      }
      await this.#admitted(one, looks[at] ?? this.#look(one));
    }
  }

  async #admitted(claimed: Claimed, look: Promise<Found>): Promise<void> {
    const { leases, settler, put, restOf, task } = this.#parts;
    try {
      const { envelope, state, bytes, reading } = await look;
      const held: Held = { ...claimed, envelope, fileBytes: bytes, lost: false, reading };
      if (state !== 'waiting') return task(() => settler.follow(held, state));
      leases.keep(held);
      const rest = restOf(envelope);
      if (rest > 0) return task(() => settler.unsent(held, titlesRest, rest));
      put(held);
    } catch (error) {
      if (!(error instanceof SpoolError)) throw error;
      if (error.code === 'unknown-instance') task(() => settler.gone(claimed));
      else if (error.code === 'damaged') task(() => settler.damaged(claimed, error.message));
      else task(() => settler.unreadable(claimed));
    }
  }

  async #look({ entry }: Claimed): Promise<Found> {
    const { spool, ahead } = this.#parts;
    const reading = entry.bytes > maxWholeBytes ? undefined : ahead.begin(entry);
    const { envelope, state, bytes } = reading === undefined ? await spool.look(entry.id) : (await reading.opened).instance;
    return { envelope, state, bytes, reading };
  }
}
