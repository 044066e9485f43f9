import { readStartNow } from './file-start.ts';
import { MemoryDisk, type MemoryFile, type MemoryFolder, type MemoryNode, newFile, newFolder } from './memory-disk.ts';
import type { FileHead, FileLock, FileStatus, SpoolFile, SpoolFileSystem, VolumeStatus } from './spool-file-system.ts';

export type MemoryOperation = keyof SpoolFileSystem | 'write' | 'read' | 'bytes' | 'datasync' | 'close' | 'release';

/** `kill`: the process ends before the operation; `power-cut`: and the cache is lost; a code: the operation fails with it. */
export type MemoryFault = 'kill' | 'power-cut' | 'EIO' | 'ENOSPC' | 'EROFS' | 'EMFILE';

export interface MemoryMachineOptions {
  /** The same seed and the same calls are the same run. */
  readonly seed?: number;
  /** Of the volume. Default: without limit. */
  readonly capacityBytes?: number;
  /** Asked before every operation; `count` counts from 1 over the life of the machine. */
  readonly fault?: (operation: MemoryOperation, path: string, count: number) => MemoryFault | undefined;
}

/** Operations under way overtake one another by up to this many turns. */
const maxTurns = 6;

/**
 * The in-memory home of {@link SpoolFileSystem}: a machine with a {@link MemoryDisk}, on which processes start, are killed, and whose power
 * is cut. Operations take effect some turns after their call, in an order that the seed decides; writes and reads may be short.
 */
export class MemoryMachine {
  readonly disk: MemoryDisk;
  /** How often each operation was begun. */
  readonly counts: Partial<Record<MemoryOperation, number>> = {};
  fault: MemoryMachineOptions['fault'];
  readonly #capacityBytes: number;
  readonly #random: () => number;
  #count = 0;
  /** Counts the processes: each is dead once the next has started. */
  #process = 0;
  readonly #locks = new Set<string>();

  constructor(options: MemoryMachineOptions = {}) {
    this.#random = randomFrom(options.seed ?? 1);
    this.disk = new MemoryDisk(this.#random);
    this.#capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.fault = options.fault;
  }

  /** A new process; the one before is dead. Its every call rejects, and has no effect. */
  boot(): SpoolFileSystem {
    this.kill();
    const process = this.#process;
    const run = <T>(operation: MemoryOperation, path: string, effect: () => T) => this.#later(process, operation, path, effect);
    return {
      mkdir: (path) => run('mkdir', path, () => this.#mkdir(path)),
      create: (path) => run('create', path, () => this.#create(path, process)),
      open: (path) => run('open', path, () => this.#handle(this.#file(path), path, process)),
      rename: (from, to) => run('rename', from, () => this.#rename(from, to)),
      unlink: (path) => run('unlink', path, () => this.#unlink(path)),
      rmdir: (path) => run('rmdir', path, () => this.#rmdir(path)),
      readdir: (path) => run('readdir', path, () => [...this.#folder(path).names.keys()]),
      stat: (path) => run('stat', path, () => statusOf(this.#node(path))),
      statfs: (path) => run('statfs', path, () => this.#statfs()),
      syncDirectory: (path) => run('syncDirectory', path, () => this.disk.syncFolder(this.#folder(path))),
      readHeadNow: (path, into) => this.#now(process, 'readHeadNow', path, () => headOf(this.#file(path), into)),
      readStart: (path, into) => run('readStart', path, () => readStartNow((of, to) => headOf(this.#file(of), to), path, into)),
      lock: (path) => run('lock', path, () => this.#lock(path, process)),
    };
  }

  /** Kills the process; the cache stays. */
  kill(): void {
    this.#process++;
    this.#locks.clear();
  }

  /** Kills the process, and the cache is lost. */
  powerCut(): void {
    this.kill();
    this.disk.powerCut();
  }

  async #later<T>(process: number, operation: MemoryOperation, path: string, effect: () => T): Promise<T> {
    await this.#someTurns();
    const result = this.#now(process, operation, path, effect);
    await this.#someTurns();
    // Killed before it could learn of it.
    this.#mustLive(process, operation, path);
    return result;
  }

  #now<T>(process: number, operation: MemoryOperation, path: string, effect: () => T): T {
    this.#mustLive(process, operation, path);
    this.counts[operation] = (this.counts[operation] ?? 0) + 1;
    const fault = this.fault?.(operation, path, ++this.#count);
    if (fault === 'kill') this.kill();
    else if (fault === 'power-cut') this.powerCut();
    else if (fault !== undefined) throw this.#failed(fault, operation, path);
    this.#mustLive(process, operation, path);
    return effect();
  }

  #failed(code: string, operation: MemoryOperation, path: string): Error {
    if (operation === 'datasync') this.disk.failDatasync(this.#file(path));
    return systemError(code, operation, path);
  }

  #mustLive(process: number, operation: MemoryOperation, path: string): void {
    if (process !== this.#process) throw systemError('EKILLED', operation, path);
  }

  async #someTurns(): Promise<void> {
    for (let turns = Math.floor(this.#random() * maxTurns); turns > 0; turns--) await undefined;
  }

  #mkdir(path: string): boolean {
    const [folder, name] = this.#parent(path);
    const there = folder.names.get(name);
    if (there?.kind === 'directory') return false;
    if (there !== undefined) throw systemError('EEXIST', 'mkdir', path);
    this.disk.change([{ folder, name, before: undefined, after: newFolder() }]);
    return true;
  }

  #create(path: string, process: number): SpoolFile {
    const [folder, name] = this.#parent(path);
    if (folder.names.has(name)) throw systemError('EEXIST', 'create', path);
    const file = newFile();
    this.disk.change([{ folder, name, before: undefined, after: file }]);
    return this.#handle(file, path, process);
  }

  #rename(from: string, to: string): void {
    const [source, sourceName] = this.#parent(from);
    const [target, targetName] = this.#parent(to);
    const node = source.names.get(sourceName);
    if (node === undefined) throw systemError('ENOENT', 'rename', from);
    const replaced = target.names.get(targetName);
    if (replaced?.kind === 'directory') throw systemError('EISDIR', 'rename', to);
    if (replaced === node) return;
    this.disk.change([
      { folder: source, name: sourceName, before: node, after: undefined },
      { folder: target, name: targetName, before: replaced, after: node },
    ]);
  }

  #unlink(path: string): void {
    const [folder, name] = this.#parent(path);
    this.disk.change([{ folder, name, before: this.#file(path), after: undefined }]);
  }

  #rmdir(path: string): void {
    const [parent, name] = this.#parent(path);
    const folder = this.#folder(path);
    if (folder.names.size > 0) throw systemError('ENOTEMPTY', 'rmdir', path);
    this.disk.change([{ folder: parent, name, before: folder, after: undefined }]);
  }

  #handle(file: MemoryFile, path: string, process: number): SpoolFile {
    let open = true;
    // By its node, not its name: it may be renamed while it is open. A double close would be another file's on a real system.
    const run = <T>(operation: MemoryOperation, effect: () => T) =>
      this.#later(process, operation, path, () => {
        if (!open) throw systemError('EBADF', operation, path);
        return effect();
      });
    return {
      write: (bytes, position) => run('write', () => this.#write(file, path, bytes, position)),
      read: (into, position) => run('read', () => this.#read(file, into, position)),
      bytes: () => run('bytes', () => file.bytes.length),
      datasync: () => run('datasync', () => this.disk.datasync(file)),
      close: () =>
        run('close', () => {
          open = false;
        }),
    };
  }

  #write(file: MemoryFile, path: string, bytes: Uint8Array, position: number): number {
    const wanted = this.#maybeShort(bytes.length);
    const growth = Math.max(0, position + wanted - file.bytes.length);
    const possible = wanted - Math.max(0, growth - this.#freeBytes());
    if (possible <= 0 && bytes.length > 0) throw systemError('ENOSPC', 'write', path);
    this.disk.write(file, bytes.subarray(0, possible), position);
    return possible;
  }

  #read(file: MemoryFile, into: Uint8Array, position: number): number {
    const bytes = file.bytes.subarray(position, position + this.#maybeShort(into.length));
    into.set(bytes);
    return bytes.length;
  }

  #maybeShort(bytes: number): number {
    return this.#random() < 0.125 && bytes > 1 ? 1 + Math.floor(this.#random() * (bytes - 1)) : bytes;
  }

  #statfs(): VolumeStatus {
    const freeBytes = Math.min(this.#freeBytes(), Number.MAX_SAFE_INTEGER);
    return { usedBytes: this.#usedBytes(), freeBytes, freeFiles: 0, totalFiles: 0 };
  }

  #freeBytes(): number {
    if (this.#capacityBytes === Number.POSITIVE_INFINITY) return this.#capacityBytes;
    return Math.max(0, this.#capacityBytes - this.#usedBytes());
  }

  #usedBytes(): number {
    let used = 0;
    for (const [, file] of this.disk.files()) used += file.bytes.length;
    return used;
  }

  #lock(path: string, process: number): FileLock | undefined {
    if (this.disk.at(path) === undefined) {
      const [folder, name] = this.#parent(path);
      this.disk.change([{ folder, name, before: undefined, after: newFile() }]);
    }
    if (this.#locks.has(path)) return undefined;
    this.#locks.add(path);
    return { release: () => this.#later(process, 'release', path, () => void this.#locks.delete(path)) };
  }

  #node(path: string): MemoryNode {
    const node = this.disk.at(path);
    if (node === undefined) throw systemError('ENOENT', 'stat', path);
    return node;
  }

  #file(path: string): MemoryFile {
    const node = this.#node(path);
    if (node.kind !== 'file') throw systemError('EISDIR', 'open', path);
    return node;
  }

  #folder(path: string): MemoryFolder {
    const node = this.#node(path);
    if (node.kind !== 'directory') throw systemError('ENOTDIR', 'open', path);
    return node;
  }

  #parent(path: string): [folder: MemoryFolder, name: string] {
    const slash = path.lastIndexOf('/');
    return [this.#folder(path.slice(0, slash)), path.slice(slash + 1)];
  }
}

function statusOf(node: MemoryNode): FileStatus {
  return { kind: node.kind, bytes: node.kind === 'file' ? node.bytes.length : 0 };
}

function headOf(file: MemoryFile, into: Uint8Array): FileHead {
  const head = file.bytes.subarray(0, into.length);
  into.set(head);
  return { headBytes: head.length, fileBytes: file.bytes.length };
}

function systemError(code: string, operation: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${operation} ${path}`), { code });
}

/** Mulberry32: small, and good enough to choose. */
function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
