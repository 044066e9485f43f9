import type { SpoolFileSystem } from './spool-file-system.ts';

interface Sync {
  readonly running: Promise<void>;
  /** The one that begins when this ends: it serves all that ask meanwhile. */
  next: Promise<void> | undefined;
}

/**
 * Group commit: per folder one directory sync in flight, and the next serves everybody who came meanwhile. Nobody is served by a sync that
 * had already begun when they asked: what they changed may have come too late for it.
 */
export class DirectorySyncs {
  readonly #fileSystem: SpoolFileSystem;
  readonly #syncs = new Map<string, Sync>();

  constructor(fileSystem: SpoolFileSystem) {
    this.#fileSystem = fileSystem;
  }

  /** Resolves when a sync of the folder that began after this call is done; rejects with the system's error of that very sync. */
  sync(path: string): Promise<void> {
    const current = this.#syncs.get(path);
    if (current === undefined) return this.#start(path);
    current.next ??= current.running.then(
      () => this.#start(path),
      // Those who waited asked for a sync of their own, and get one.
      () => this.#start(path),
    );
    return current.next;
  }

  #start(path: string): Promise<void> {
    const sync: Sync = { running: this.#fileSystem.syncDirectory(path), next: undefined };
    this.#syncs.set(path, sync);
    const ended = () => {
      if (sync.next === undefined) this.#syncs.delete(path);
    };
    sync.running.then(ended, ended);
    return sync.running;
  }
}
