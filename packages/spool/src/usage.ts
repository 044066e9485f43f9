import { crc32 } from 'node:zlib';
import type { InstanceId } from '@radiotracer/instance';
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

export type Place = InstanceState | 'incoming' | 'damaged';

/** In a state one of its folders, else the place itself. */
export type FolderName = `${InstanceState}/${string}` | 'incoming' | 'damaged';

/** What is known of a folder. */
interface Tally extends Amount {
  /** The CRC-32 of every id in it, exclusive-or: says whether they are the same ones, which a number does not. */
  readonly idSum: number;
}

const nothing: Tally = { instances: 0, bytes: 0, idSum: 0 };

/** See {@link Tally.idSum}; of damaged ones the names do not count. */
export function idSumOf(ids: Iterable<InstanceId>): number {
  let sum = 0;
  for (const id of ids) sum ^= crc32(id);
  return sum;
}

/**
 * What lies in the spool, counted along, folder by folder; recovery counts it once from the disk. Others may take files out meanwhile, so
 * a folder's amount is corrected now and then (see Recount), and until then it may be too much, or, where something came in, below zero.
 */
export class UsageCounter {
  readonly #folders = new Map<FolderName, Tally>();
  #totalBytes = 0;
  #touched: Set<FolderName> | undefined;

  get totalBytes(): number {
    return Math.max(0, this.#totalBytes);
  }

  /** An instance came into a folder. */
  came(folder: FolderName, id: InstanceId, bytes: number): void {
    this.#change(folder, 1, bytes, id);
  }

  went(folder: FolderName, id: InstanceId, bytes: number): void {
    this.#change(folder, -1, -bytes, id);
  }

  /** One that is there has grown. */
  grew(folder: FolderName, bytes: number): void {
    this.#change(folder, 0, bytes);
  }

  amount(folder: FolderName): Tally {
    return this.#folders.get(folder) ?? nothing;
  }

  folders(): readonly FolderName[] {
    return [...this.#folders.keys()];
  }

  /** Notes from now on which folders are changed; one that listens at a time. */
  watch(): Set<FolderName> {
    this.#touched = new Set();
    return this.#touched;
  }

  /** What was found in the folder. */
  correct(folder: FolderName, found: Tally): void {
    this.#set(folder, found);
  }

  snapshot(): SpoolUsage {
    const sums = new Map<Place, { instances: number; bytes: number }>();
    for (const [folder, { instances, bytes }] of this.#folders) {
      const sum = sums.get(placeOf(folder)) ?? { instances: 0, bytes: 0 };
      sum.instances += instances;
      sum.bytes += bytes;
      sums.set(placeOf(folder), sum);
    }
    const of = (place: Place): Amount => {
      const { instances, bytes } = sums.get(place) ?? nothing;
      return { instances: Math.max(0, instances), bytes: Math.max(0, bytes) };
    };
    const states = { waiting: of('waiting'), held: of('held'), dead: of('dead') };
    return { ...states, incoming: of('incoming'), damaged: of('damaged'), totalBytes: this.totalBytes };
  }

  #change(folder: FolderName, instances: number, bytes: number, id?: InstanceId): void {
    this.#touched?.add(folder);
    const known = this.amount(folder);
    const idSum = id === undefined || folder === 'damaged' ? known.idSum : known.idSum ^ crc32(id);
    this.#set(folder, { instances: known.instances + instances, bytes: known.bytes + bytes, idSum });
  }

  #set(folder: FolderName, tally: Tally): void {
    this.#totalBytes += tally.bytes - this.amount(folder).bytes;
    if (tally.instances === 0 && tally.bytes === 0 && tally.idSum === 0) this.#folders.delete(folder);
    else this.#folders.set(folder, tally);
  }
}

function placeOf(folder: FolderName): Place {
  if (folder === 'incoming' || folder === 'damaged') return folder;
  return instanceStates.find((state) => folder.startsWith(`${state}/`)) ?? 'waiting';
}
