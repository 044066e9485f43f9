/** The instances of a spool as files: each is found by its id, in whatever state it lies, and changes its state by one rename. */
import { type InstanceId, isInstanceId } from '@radiotracer/instance';
import type { DirectorySyncs } from './directory-syncs.ts';
import { fileSuffix, type InstanceState, instanceStates, type Layout, shardOf } from './layout.ts';
import { moveAside } from './move-aside.ts';
import type { ShardFolders } from './shard-folders.ts';
import { SpoolError, spoolErrorOf, systemCode } from './spool-error.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';
import { type ListedInstance, lookAt, type OpenInstance, openInstance, wholeInstance } from './spooled-instance.ts';

export interface InstanceFilesHome {
  readonly fileSystem: SpoolFileSystem;
  readonly layout: Layout;
  readonly syncs: DirectorySyncs;
  readonly shards: ShardFolders;
  /** An instance has left a state's folder; `to` is where it went, undefined: it was deleted. Awaited, and must not reject. */
  readonly left: (change: InstanceChange) => Promise<void>;
}

export interface InstanceChange {
  readonly id: InstanceId;
  /** Of the whole file. */
  readonly bytes: number;
  readonly from: InstanceState;
  readonly to: InstanceState | 'damaged' | undefined;
}

type Attempt<T> = (state: InstanceState, path: string) => Promise<T>;

export class InstanceFiles {
  readonly #home: InstanceFilesHome;

  constructor(home: InstanceFilesHome) {
    this.#home = home;
  }

  /** As `Spool.read`. */
  async read(id: InstanceId, into?: Uint8Array): Promise<OpenInstance> {
    const { fileSystem } = this.#home;
    return await this.#whereItIs(id, 'read', instanceStates, async (state, path) => {
      const start = into === undefined ? undefined : await fileSystem.readStart(path, into);
      const isWhole = start !== undefined && into !== undefined && start.headBytes === start.fileBytes;
      if (isWhole) return wholeInstance(into.subarray(0, start.headBytes), start, path, state, id);
      return await openInstance(await fileSystem.open(path), path, state, id);
    });
  }

  /** As `Spool.stateOf`. */
  async stateOf(id: InstanceId): Promise<InstanceState> {
    return await this.#whereItIs(id, 'look for', instanceStates, async (state, path) => {
      await this.#home.fileSystem.stat(path);
      return state;
    });
  }

  /** As `Spool.look`. */
  async look(id: InstanceId): Promise<ListedInstance> {
    const { fileSystem } = this.#home;
    return await this.#whereItIs(id, 'look at', instanceStates, (state, path) => lookAt(fileSystem, path, state, id));
  }

  /** As `Spool.verify`. */
  async verify(id: InstanceId): Promise<void> {
    const instance = await this.read(id);
    try {
      await instance.verify();
    } finally {
      await instance.close();
    }
  }

  /**
   * As `Spool.move`. `from`: the states in which it is looked for, besides the one that it is to be in.
   * @returns where it was
   */
  async move(id: InstanceId, to: InstanceState, from: readonly InstanceState[] = instanceStates): Promise<InstanceState> {
    const { fileSystem, layout, shards, syncs, left } = this.#home;
    const folder = layout.shard(to, shardOf(id));
    const states = instanceStates.filter((state) => state === to || from.includes(state));
    return await this.#whereItIs(id, 'move', states, async (was, path) => {
      const { bytes } = await fileSystem.stat(path);
      if (was !== to) {
        await shards.putInto(layout.state(to), folder, () => fileSystem.rename(path, layout.file(to, id)));
        await left({ id, bytes, from: was, to });
      }
      await syncs.sync(folder);
      return was;
    });
  }

  /** As `Spool.remove`. */
  async remove(id: InstanceId, knownBytes?: number): Promise<void> {
    const { fileSystem, left } = this.#home;
    await this.#whereItIs(id, 'remove', instanceStates, async (from, path) => {
      const bytes = knownBytes ?? (await fileSystem.stat(path)).bytes;
      await fileSystem.unlink(path);
      await left({ id, bytes, from, to: undefined });
    });
  }

  /** As `Spool.quarantine`; `moved` is told of it before it is durable. */
  async quarantine(id: InstanceId, why: string, moved: (path: string, movedTo: string) => void): Promise<string> {
    const { fileSystem, layout, syncs, left } = this.#home;
    return await this.#whereItIs(id, 'quarantine', instanceStates, async (from, path) => {
      const { bytes } = await fileSystem.stat(path);
      const movedTo = await moveAside(fileSystem, layout, path, `damaged: ${why}`);
      moved(path, movedTo);
      await left({ id, bytes, from, to: 'damaged' });
      await syncs.sync(layout.damaged);
      return movedTo;
    });
  }

  /** As `Spool.isAside`. */
  async isAside(id: InstanceId): Promise<boolean> {
    const { fileSystem, layout } = this.#home;
    const path = `${layout.damaged}/${id}${fileSuffix}`;
    try {
      await fileSystem.stat(path);
      return true;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false;
      throw spoolErrorOf(error, 'look for', path);
    }
  }

  /**
   * Tries it in each state. ENOENT means: not in that one. A second round, because it may have been moved into a state that was
   * already looked at.
   */
  async #whereItIs<T>(id: InstanceId, operation: string, states: readonly InstanceState[], attempt: Attempt<T>): Promise<T> {
    const { layout } = this.#home;
    if (!isInstanceId(id)) throw this.#unknown(operation, 'this is no id of an instance');
    for (const state of [...states, ...states]) {
      const path = layout.file(state, id);
      try {
        return await attempt(state, path);
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw spoolErrorOf(error, operation, path);
      }
    }
    throw this.#unknown(operation, `no instance ${id} is ${listed(states)}`);
  }

  #unknown(operation: string, what: string): SpoolError {
    const advice = 'It was delivered, removed or moved aside meanwhile';
    return new SpoolError({ code: 'unknown-instance', operation, where: this.#home.layout.dir, what, advice });
  }
}

/** `waiting, held or dead`. */
function listed(states: readonly string[]): string {
  const last = states.at(-1) ?? '';
  return states.length < 2 ? last : `${states.slice(0, -1).join(', ')} or ${last}`;
}
