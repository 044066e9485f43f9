/**
 * Spools of several proxies side by side on one volume, each in a folder of its own name and with its own lock; any proxy may deliver, hold
 * or remove what lies in any of them. Ids are unique over all (80 random bits each), so that an instance is known by its id alone.
 */
import type { InstanceId } from '@radiotracer/instance';
import type { InstanceState } from './layout.ts';
import { nodeFileSystem } from './node-file-system.ts';
import type { Spool } from './spool.ts';
import { SpoolError, spoolErrorOf, systemCode } from './spool-error.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';
import { SpoolView } from './spool-view.ts';
import type { ListedInstance, OpenInstance } from './spooled-instance.ts';

export interface SharedSpoolOptions {
  /** Holds the folders of all. */
  readonly dir: string;
  /** The name of the one that is ours. */
  readonly node: string;
  readonly own: Pick<Spool, 'read' | 'look' | 'stateOf' | 'isAside' | 'move' | 'remove' | 'quarantine'>;
  /** Default: the real one. */
  readonly fileSystem?: SpoolFileSystem;
}

type Instances = Pick<Spool, 'read' | 'look' | 'stateOf' | 'remove' | 'quarantine'> & {
  move(id: InstanceId, to: InstanceState): Promise<unknown>;
};

export class SharedSpool {
  readonly #options: Required<SharedSpoolOptions>;
  readonly #views = new Map<string, SpoolView>();

  constructor(options: SharedSpoolOptions) {
    this.#options = { fileSystem: nodeFileSystem, ...options };
  }

  /** The others that there are now, by name; those that cannot be looked at are told. @throws SpoolError */
  async others(unreadable: (error: SpoolError) => void): Promise<ReadonlyMap<string, SpoolView>> {
    const { dir, node, fileSystem } = this.#options;
    const found = new Map<string, SpoolView>();
    for (const name of (await this.#names()).sort()) {
      const path = `${dir}/${name}`;
      if (name === node || !isNodeName(name) || !(await isSpool(fileSystem, path, unreadable))) continue;
      const view = this.#views.get(name) ?? new SpoolView({ dir: path, fileSystem });
      this.#views.set(name, view);
      found.set(name, view);
    }
    return found;
  }

  /** As `Spool.read`, wherever it lies; likewise the others. */
  read(id: InstanceId, into?: Uint8Array): Promise<OpenInstance> {
    return this.#whereItIs((spool) => spool.read(id, into));
  }

  stateOf(id: InstanceId): Promise<InstanceState> {
    return this.#whereItIs((spool) => spool.stateOf(id));
  }

  look(id: InstanceId): Promise<ListedInstance> {
    return this.#whereItIs((spool) => spool.look(id));
  }

  async isAside(id: InstanceId): Promise<boolean> {
    if (await this.#options.own.isAside(id)) return true;
    for (const view of (await this.others(() => {})).values()) if (await view.isAside(id)) return true;
    return false;
  }

  async move(id: InstanceId, to: InstanceState): Promise<void> {
    await this.#whereItIs((spool) => spool.move(id, to));
  }

  remove(id: InstanceId, knownBytes?: number): Promise<void> {
    return this.#whereItIs((spool) => spool.remove(id, knownBytes));
  }

  quarantine(id: InstanceId, why: string): Promise<string> {
    return this.#whereItIs((spool) => spool.quarantine(id, why));
  }

  /** Ours first: mostly it is there. What may lie where nobody can look is not known to be gone. */
  async #whereItIs<T>(attempt: (spool: Instances) => Promise<T>): Promise<T> {
    try {
      return await attempt(this.#options.own);
    } catch (error) {
      if (!isUnknown(error)) throw error;
      let unreadable: SpoolError | undefined;
      const others = await this.others((failure) => {
        unreadable = failure;
      });
      for (const view of others.values()) {
        try {
          return await attempt(view);
        } catch (elsewhere) {
          if (!isUnknown(elsewhere)) throw elsewhere;
        }
      }
      throw unreadable ?? error;
    }
  }

  async #names(): Promise<string[]> {
    const { dir, fileSystem } = this.#options;
    try {
      return [...(await fileSystem.readdir(dir))];
    } catch (error) {
      throw spoolErrorOf(error, 'list', dir);
    }
  }
}

/**
 * Whether a proxy's part of the volume may be called so (`spool.node`, or a machine's name). A volume has folders of its own, which only root may
 * read: `lost+found`, `.Trash-0`.
 */
export function isNodeName(name: string): boolean {
  return /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(name);
}

function isUnknown(error: unknown): boolean {
  return error instanceof SpoolError && error.code === 'unknown-instance';
}

async function isSpool(fileSystem: SpoolFileSystem, path: string, unreadable: (error: SpoolError) => void): Promise<boolean> {
  try {
    return (await fileSystem.readdir(path)).includes('waiting');
  } catch (error) {
    // A file, or a folder that has gone.
    if (!['ENOTDIR', 'ENOENT'].includes(systemCode(error) ?? '')) unreadable(spoolErrorOf(error, 'look at', path));
    return false;
  }
}
