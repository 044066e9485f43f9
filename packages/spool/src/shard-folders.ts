import type { DirectorySyncs } from './directory-syncs.ts';
import { systemCode } from './spool-error.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';

interface Folder {
  /** Those that are about to put something in. */
  users: number;
  files: number;
  /** Resolves when the folder is there and its own name is durable. */
  made: Promise<void> | undefined;
  removing: Promise<void> | undefined;
}

/** The folders below a state: made when first needed, gone when the last instance has left. */
export class ShardFolders {
  readonly #fileSystem: SpoolFileSystem;
  readonly #syncs: DirectorySyncs;
  readonly #folders = new Map<string, Folder>();

  constructor(fileSystem: SpoolFileSystem, syncs: DirectorySyncs) {
    this.#fileSystem = fileSystem;
    this.#syncs = syncs;
  }

  /** Files that recovery found there. */
  count(path: string, files: number): void {
    this.#of(path).files += files;
  }

  /**
   * Makes the folder if needed, and calls `put` while it cannot vanish. A name in a folder whose own name is not durable would be lost
   * with it, so that comes first.
   */
  async putInto(parent: string, path: string, put: () => Promise<void>): Promise<void> {
    const folder = this.#of(path);
    folder.users++;
    try {
      await this.#ensure(folder, parent, path);
      try {
        await put();
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error;
        // Somebody tidied up an empty folder: make it anew, once. If it was the source that is gone, it says so again.
        folder.made = undefined;
        await this.#ensure(folder, parent, path);
        await put();
      }
      folder.files++;
    } finally {
      folder.users--;
      this.#forgetIfUnused(path, folder);
    }
  }

  /** One file has left; `keep`: the folder is still in use by time, so its emptiness will not last. */
  async left(path: string, keep: boolean): Promise<void> {
    const folder = this.#of(path);
    folder.files--;
    if (folder.files > 0 || folder.users > 0 || keep || folder.removing !== undefined) return;
    folder.made = undefined;
    folder.removing = this.#remove(path);
    await folder.removing;
    folder.removing = undefined;
    this.#forgetIfUnused(path, folder);
  }

  async #ensure(folder: Folder, parent: string, path: string): Promise<void> {
    folder.made ??= this.#make(folder, parent, path);
    const { made } = folder;
    try {
      await made;
    } catch (error) {
      if (folder.made === made) folder.made = undefined;
      throw error;
    }
  }

  async #make(folder: Folder, parent: string, path: string): Promise<void> {
    await folder.removing;
    await this.#fileSystem.mkdir(path);
    // Also when it was there: whoever made it may have ended before its sync.
    await this.#syncs.sync(parent);
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.#fileSystem.rmdir(path);
    } catch {
      // Not empty after all, or gone: an empty folder harms nobody, and recovery removes it.
    }
  }

  #of(path: string): Folder {
    let folder = this.#folders.get(path);
    if (folder === undefined) {
      folder = { users: 0, files: 0, made: undefined, removing: undefined };
      this.#folders.set(path, folder);
    }
    return folder;
  }

  #forgetIfUnused(path: string, folder: Folder): void {
    if (folder.users === 0 && folder.files <= 0 && folder.made === undefined && folder.removing === undefined) this.#folders.delete(path);
  }
}
