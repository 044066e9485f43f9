/**
 * A disk with a cache in front of it. What processes see is the cache; what a power cut leaves is decided by what was synced, and by chance:
 *
 * - Contents: each write since the last `datasync` may be on the disk, or not, or its first bytes, or its length with zeros.
 * - Names: each change of names since the last sync of one of its folders may be on the disk or not, each for itself (as far as it can be without
 *   those it builds on); a rename as a whole. Nothing is durable in a folder whose own name is not.
 *
 * No real file system is as forgetful; the spool must do with this one.
 */

export interface MemoryFile {
  readonly kind: 'file';
  bytes: Uint8Array;
  durable: Uint8Array;
  /** Writes since the last datasync, in order. */
  unsynced: { readonly at: number; readonly bytes: Uint8Array }[];
}

export interface MemoryFolder {
  readonly kind: 'directory';
  readonly names: Map<string, MemoryNode>;
  readonly durable: Map<string, MemoryNode>;
}

export type MemoryNode = MemoryFile | MemoryFolder;

/** One name before and after. */
interface NameChange {
  readonly folder: MemoryFolder;
  readonly name: string;
  readonly before: MemoryNode | undefined;
  readonly after: MemoryNode | undefined;
}

export class MemoryDisk {
  readonly root: MemoryFolder = newFolder();
  /** Changes of names that are not durable; those of one entry stand or fall together. */
  #unsynced: (readonly NameChange[])[] = [];
  readonly #random: () => number;

  /** `random`: from 0 to below 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** What is at the path. */
  at(path: string): MemoryNode | undefined {
    let node: MemoryNode | undefined = this.root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      if (node?.kind !== 'directory') return undefined;
      node = node.names.get(name);
    }
    return node;
  }

  /** All at once: in the cache, and on the disk when one of the folders is synced. */
  change(changes: readonly NameChange[]): void {
    for (const change of changes) set(change.folder.names, change);
    this.#unsynced.push(changes);
  }

  write(file: MemoryFile, bytes: Uint8Array, at: number): void {
    // Not slice(): a Buffer's is a view, and its owner writes on in it.
    const copy = new Uint8Array(bytes);
    file.bytes = over(file.bytes, copy, at);
    file.unsynced.push({ at, bytes: copy });
  }

  datasync(file: MemoryFile): void {
    for (const { at, bytes } of file.unsynced) file.durable = over(file.durable, bytes, at);
    file.unsynced = [];
  }

  /** Writing back failed: the cache still shows the bytes and takes them for clean, and no later datasync brings them to the disk. */
  failDatasync(file: MemoryFile): void {
    file.unsynced = [];
  }

  /**
   * Makes durable what changed in this folder, and what that builds on wherever it is: earlier changes of the same names, and those by which
   * a folder became empty that is now gone.
   */
  syncFolder(folder: MemoryFolder): void {
    const needed = new Set<readonly NameChange[]>();
    const folders = new Set([folder]);
    const names = new Map<MemoryFolder, Set<string>>();
    for (const changes of this.#unsynced.toReversed()) {
      if (!changes.some((change) => folders.has(change.folder) || names.get(change.folder)?.has(change.name) === true)) continue;
      needed.add(changes);
      for (const { folder: inFolder, name, before, after } of changes) {
        const known = names.get(inFolder) ?? new Set();
        names.set(inFolder, known.add(name));
        if (before?.kind === 'directory' && after === undefined) folders.add(before);
      }
    }
    for (const changes of this.#unsynced) {
      if (needed.has(changes) && !this.#becomesDurable(changes))
        throw new Error('the model of the disk is wrong: a synced change does not fit');
    }
    this.#unsynced = this.#unsynced.filter((changes) => !needed.has(changes));
  }

  powerCut(): void {
    // Sometimes all of it, sometimes nothing: what lies between is the rest.
    const luck = this.#random();
    const chance = luck < 0.2 ? 0 : luck < 0.4 ? 1 : 0.5;
    for (const changes of this.#unsynced) if (this.#random() < chance) this.#becomesDurable(changes);
    this.#unsynced = [];
    this.#forget(this.root);
  }

  /** Every file that a process sees, with its path. */
  *files(folder: MemoryFolder = this.root, path = ''): Generator<[path: string, file: MemoryFile]> {
    for (const [name, node] of folder.names) {
      if (node.kind === 'file') yield [`${path}/${name}`, node];
      else yield* this.files(node, `${path}/${name}`);
    }
  }

  #becomesDurable(changes: readonly NameChange[]): boolean {
    if (!changes.every(({ folder, name, before }) => folder.durable.get(name) === before)) return false;
    // A folder goes only when it is empty on the disk too.
    if (changes.some(({ before, after }) => before?.kind === 'directory' && after === undefined && before.durable.size > 0)) return false;
    for (const change of changes) set(change.folder.durable, change);
    return true;
  }

  #forget(folder: MemoryFolder): void {
    folder.names.clear();
    for (const [name, node] of folder.durable) {
      folder.names.set(name, node);
      if (node.kind === 'directory') this.#forget(node);
      else this.#tear(node);
    }
  }

  #tear(file: MemoryFile): void {
    for (const { at, bytes } of file.unsynced) {
      const luck = this.#random();
      if (luck < 0.25) continue;
      const whole = luck < 0.5;
      const kept = whole ? bytes : bytes.slice(0, Math.floor(this.#random() * (bytes.length + 1)));
      file.durable = over(file.durable, kept, at);
      if (luck >= 0.75) file.durable = over(file.durable, new Uint8Array(bytes.length - kept.length), at + kept.length);
    }
    file.unsynced = [];
    file.bytes = file.durable;
  }
}

export function newFile(): MemoryFile {
  return { kind: 'file', bytes: new Uint8Array(0), durable: new Uint8Array(0), unsynced: [] };
}

export function newFolder(): MemoryFolder {
  return { kind: 'directory', names: new Map(), durable: new Map() };
}

function set(names: Map<string, MemoryNode>, { name, after }: NameChange): void {
  if (after === undefined) names.delete(name);
  else names.set(name, after);
}

/** Always new memory: what was synced and what is seen must not share any. */
function over(old: Uint8Array, bytes: Uint8Array, at: number): Uint8Array {
  const both = new Uint8Array(Math.max(old.length, at + bytes.length));
  both.set(old);
  both.set(bytes, at);
  return both;
}
