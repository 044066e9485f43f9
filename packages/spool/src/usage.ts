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
  /** False soon after a start: instances are known by their names, bytes only of the folders that were counted since, and there is more. */
  readonly isCounted: boolean;
}

export type Place = InstanceState | 'incoming' | 'damaged';

/** In a state one of its folders, else the place itself. */
export type FolderName = `${InstanceState}/${string}` | 'incoming' | 'damaged';

export function folderName(state: InstanceState, shard: string): FolderName {
  return `${state}/${shard}`;
}

/** What is known of a folder. */
interface Tally extends Amount {
  /** The CRC-32 of every id in it, exclusive-or: says whether they are the same ones, which a number does not. */
  readonly idSum: number;
  /** False: only the names were looked at, and `bytes` is the least that it can be. */
  readonly isCounted: boolean;
}

const nothing: Tally = { instances: 0, bytes: 0, idSum: 0, isCounted: true };

/** See {@link Tally.idSum}; of damaged ones the names do not count. */
export function idSumOf(ids: Iterable<InstanceId>): number {
  let sum = 0;
  for (const id of ids) sum ^= crc32(id);
  return sum;
}

/**
 * What lies in the spool, counted along, folder by folder. A start finds the names; the bytes are counted afterwards (see Recount), and until
 * then a folder's are the least that it can be. Others may take files out meanwhile, so a folder's amount is corrected now and then, and until
 * then it may be too much, or, where something came in, below zero.
 */
export class UsageCounter {
  readonly #folders = new Map<FolderName, Tally>();
  readonly #uncounted = new Set<FolderName>();
  #totalBytes = 0;
  #changedBytes = 0;
  #touched: Set<FolderName> | undefined;

  get totalBytes(): number {
    return Math.max(0, this.#totalBytes);
  }

  /** The bytes of every folder are known. */
  get isCounted(): boolean {
    return this.#uncounted.size === 0;
  }

  /** Those of which only the names are known. */
  get uncounted(): ReadonlySet<FolderName> {
    return this.#uncounted;
  }

  /** What came less what went, since the start; no correction is in it. */
  get changedBytes(): number {
    return this.#changedBytes;
  }

  /** So many more files were seen in the folder, and not looked at. `idSum`: of these. */
  saw(folder: FolderName, instances: number, idSum: number): void {
    const { instances: before, bytes, idSum: sumBefore } = this.amount(folder);
    this.#set(folder, { instances: before + instances, bytes, idSum: sumBefore ^ idSum, isCounted: false });
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
  correct(folder: FolderName, found: Amount & Pick<Tally, 'idSum'>): void {
    this.#set(folder, { ...found, isCounted: true });
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
    return { ...states, incoming: of('incoming'), damaged: of('damaged'), totalBytes: this.totalBytes, isCounted: this.isCounted };
  }

  #change(folder: FolderName, instances: number, bytes: number, id?: InstanceId): void {
    this.#touched?.add(folder);
    this.#changedBytes += bytes;
    const known = this.amount(folder);
    const idSum = id === undefined || folder === 'damaged' ? known.idSum : known.idSum ^ crc32(id);
    const { isCounted } = known;
    const sum = known.bytes + bytes;
    this.#set(folder, { instances: known.instances + instances, bytes: isCounted ? sum : Math.max(0, sum), idSum, isCounted });
  }

  #set(folder: FolderName, tally: Tally): void {
    this.#totalBytes += tally.bytes - this.amount(folder).bytes;
    // Of one that was not counted and is empty again, nothing is unknown any more.
    const isEmpty = tally.instances === 0 && tally.idSum === 0 && (tally.bytes === 0 || !tally.isCounted);
    if (isEmpty && !tally.isCounted) this.#totalBytes -= tally.bytes;
    if (isEmpty) this.#folders.delete(folder);
    else this.#folders.set(folder, tally);
    if (isEmpty || tally.isCounted) this.#uncounted.delete(folder);
    else this.#uncounted.add(folder);
  }
}

function placeOf(folder: FolderName): Place {
  if (folder === 'incoming' || folder === 'damaged') return folder;
  return instanceStates.find((state) => folder.startsWith(`${state}/`)) ?? 'waiting';
}
