/**
 * A spool seen from beside the process that owns it: an operator's command line, or another proxy on the same volume. It takes no lock and
 * keeps nothing in memory; every change is one rename or one unlink, as the owner's own are, and the owner finds each instance
 * wherever it lies. What it must not do: begin instances, and remove folders, for the owner relies on those it has made.
 *
 * Of a folder that it puts a file into, the owner may remove the empty one in between; the rename fails then, and is tried again in one made anew.
 */
import { resolve } from 'node:path';
import type { InstanceId } from '@radiotracer/instance';
import { DirectorySyncs } from './directory-syncs.ts';
import { amountOf, filesIn, foldersOf } from './folder-amount.ts';
import { InstanceFiles } from './instance-files.ts';
import { type InstanceState, instanceStates, Layout } from './layout.ts';
import { type Known, listInstances } from './listing.ts';
import { nodeFileSystem } from './node-file-system.ts';
import { ShardFolders } from './shard-folders.ts';
import { type SpoolError, spoolErrorOf } from './spool-error.ts';
import type { SpoolFileSystem, VolumeStatus } from './spool-file-system.ts';
import type { ListedInstance, OpenInstance } from './spooled-instance.ts';
import type { Amount, Place } from './usage.ts';

export interface SpoolViewOptions {
  /** The spool's folder. Where there is none, nothing is found, and nothing is made. */
  readonly dir: string;
  /** Default: the real one. */
  readonly fileSystem?: SpoolFileSystem;
}

export class SpoolView {
  readonly #fileSystem: SpoolFileSystem;
  readonly #layout: Layout;
  readonly #syncs: DirectorySyncs;

  constructor({ dir, fileSystem = nodeFileSystem }: SpoolViewOptions) {
    this.#fileSystem = fileSystem;
    this.#layout = new Layout(resolve(dir));
    this.#syncs = new DirectorySyncs(fileSystem);
  }

  /** As `Spool.read`. */
  read(id: InstanceId, into?: Uint8Array): Promise<OpenInstance> {
    return this.#files().read(id, into);
  }

  /** As `Spool.stateOf`. */
  stateOf(id: InstanceId): Promise<InstanceState> {
    return this.#files().stateOf(id);
  }

  /** As `Spool.isAside`. */
  isAside(id: InstanceId): Promise<boolean> {
    return this.#files().isAside(id);
  }

  /** As `Spool.look`. */
  look(id: InstanceId): Promise<ListedInstance> {
    return this.#files().look(id);
  }

  /** As `Spool.verify`. */
  verify(id: InstanceId): Promise<void> {
    return this.#files().verify(id);
  }

  /**
   * Resolves when it durably is in that state; rejected, it may be there or where it was. `from`: only if it is in one of these, or there already.
   * @returns where it was
   * @throws SpoolError `unknown-instance`, `io`…
   */
  move(id: InstanceId, to: InstanceState, from: readonly InstanceState[] = instanceStates): Promise<InstanceState> {
    return this.#files().move(id, to, from);
  }

  /** As `Spool.remove`. */
  remove(id: InstanceId, knownBytes?: number): Promise<void> {
    return this.#files().remove(id, knownBytes);
  }

  /** As `Spool.quarantine`; the owner finds it among the damaged when it counts anew. */
  quarantine(id: InstanceId, why: string): Promise<string> {
    return this.#files().quarantine(id, why, () => {});
  }

  /** As `Spool.list`; one that cannot be read is told to `failed` and passed over, one that is `known` is left out. */
  list(
    failed: (error: SpoolError, id: InstanceId) => void,
    state?: InstanceState,
    known?: Known,
  ): AsyncGenerator<ListedInstance, void, undefined> {
    return listInstances(this.#fileSystem, this.#layout, state === undefined ? instanceStates : [state], { failed, known });
  }

  /** Counts the files of a place now; of a million it takes a minute. @throws SpoolError */
  async amount(place: Place): Promise<Amount> {
    let [instances, bytes] = [0, 0];
    try {
      for (const folder of await foldersOf(this.#fileSystem, this.#layout, place)) {
        const names = await filesIn(this.#fileSystem, this.#layout, folder);
        const amount = await amountOf(this.#fileSystem, this.#layout, folder, names);
        instances += amount.instances;
        bytes += amount.bytes;
      }
    } catch (error) {
      throw spoolErrorOf(error, 'count', this.#layout.dir);
    }
    return { instances, bytes };
  }

  /** @throws SpoolError */
  async volume(): Promise<VolumeStatus> {
    try {
      return await this.#fileSystem.statfs(this.#layout.dir);
    } catch (error) {
      throw spoolErrorOf(error, 'look at the volume', this.#layout.dir);
    }
  }

  /** Anew for each call, so that no folder is taken for there because it once was: its owner may have removed it. */
  #files(): InstanceFiles {
    const [fileSystem, layout, syncs] = [this.#fileSystem, this.#layout, this.#syncs];
    return new InstanceFiles({ fileSystem, layout, syncs, shards: new ShardFolders(fileSystem, syncs), left: async () => {} });
  }
}
