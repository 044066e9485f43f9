import { type InstanceState, instanceStates } from './layout.ts';

export interface Amount {
  readonly instances: number;
  /** Of whole files, the front included. */
  readonly bytes: number;
}

export interface SpoolUsage extends Readonly<Record<InstanceState, Amount>> {
  /** Being written or retained. */
  readonly incoming: Amount;
  /** Moved aside. */
  readonly damaged: Amount;
  /** All of the above: what counts against `maxBytes`. */
  readonly totalBytes: number;
}

type Place = InstanceState | 'incoming' | 'damaged';
const places: readonly Place[] = [...instanceStates, 'incoming', 'damaged'];

/** What lies in the spool, counted along; recovery counts it once from the disk. */
export class UsageCounter {
  readonly #amounts = new Map<Place, { instances: number; bytes: number }>(places.map((place) => [place, { instances: 0, bytes: 0 }]));
  #totalBytes = 0;

  get totalBytes(): number {
    return this.#totalBytes;
  }

  add(place: Place, instances: number, bytes: number): void {
    const amount = this.#of(place);
    amount.instances += instances;
    amount.bytes += bytes;
    this.#totalBytes += bytes;
  }

  shift(from: Place, to: Place, bytes: number): void {
    this.add(from, -1, -bytes);
    this.add(to, 1, bytes);
  }

  snapshot(): SpoolUsage {
    const { waiting, held, dead, incoming, damaged } = {
      waiting: { ...this.#of('waiting') },
      held: { ...this.#of('held') },
      dead: { ...this.#of('dead') },
      incoming: { ...this.#of('incoming') },
      damaged: { ...this.#of('damaged') },
    };
    return { waiting, held, dead, incoming, damaged, totalBytes: this.#totalBytes };
  }

  #of(place: Place): { instances: number; bytes: number } {
    const amount = this.#amounts.get(place);
    if (amount === undefined) throw new Error(`no such place: ${place}`);
    return amount;
  }
}
