import type { InstanceId } from '@radiotracer/instance';

/** Where an instance stands: the folder it lies in. */
export type InstanceState = 'waiting' | 'held' | 'dead';

/** In the order in which they are looked through. */
export const instanceStates: readonly InstanceState[] = ['waiting', 'held', 'dead'];

/**
 * The first seven characters of an id are its time in steps of 2^15 ms, 33 s: what arrives together lies together, so one directory sync
 * serves many; a folder has tens of thousands of names at a thousand instances a second, a day at most 2,637 folders; and the order of folders,
 * then of names, is the order of arrival, without an index.
 */
const shardCharacters = 7;
const shardShape = /^[0-9A-HJKMNP-TV-Z]{7}$/;

export function shardOf(id: InstanceId): string {
  return id.slice(0, shardCharacters);
}

export function isShard(name: string): boolean {
  return shardShape.test(name);
}

/** Names under the spool's folder. What else lies in that folder belongs to others. */
export class Layout {
  readonly dir: string;
  /** Being written: `<id>.part`. */
  readonly incoming: string;
  /** Moved aside, never deleted: as it was called, and `<name>.why` beside it. */
  readonly damaged: string;
  readonly lock: string;
  /** Of no meaning: whether it can be written says whether the volume can. */
  readonly trial: string;

  constructor(dir: string) {
    this.dir = dir;
    this.incoming = `${dir}/incoming`;
    this.damaged = `${dir}/damaged`;
    this.lock = `${dir}/owner.lock`;
    this.trial = `${dir}/trial`;
  }

  part(id: InstanceId): string {
    return `${this.incoming}/${id}${partSuffix}`;
  }

  state(state: InstanceState): string {
    return `${this.dir}/${state}`;
  }

  shard(state: InstanceState, shard: string): string {
    return `${this.dir}/${state}/${shard}`;
  }

  file(state: InstanceState, id: InstanceId): string {
    return `${this.shard(state, shardOf(id))}/${id}${fileSuffix}`;
  }
}

export const partSuffix = '.part';
export const fileSuffix = '.dcm';
export const whySuffix = '.why';
