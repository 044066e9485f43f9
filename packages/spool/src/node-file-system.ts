/** The real home: node:fs, one system call per operation. */
import { close, constants, fdatasync, fstat, fsync, lstat, open, promises, read, write } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { FileThread } from './file-thread.ts';
import { readFlags, readHeadNow } from './read-now.ts';
import { systemCode } from './spool-error.ts';
import type { FileLock, FileStart, FileStatus, SpoolFile, SpoolFileSystem, VolumeStatus } from './spool-file-system.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(fstat);
const statLink = promisify(lstat);
const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);

/** Patient data: for the user of the proxy alone. */
const fileMode = 0o600;
const folderMode = 0o700;

class NodeFile implements SpoolFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  // Not promisify: its { bytesWritten, buffer } object per call is thrown away at once.
  write(bytes: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#descriptor, bytes, 0, bytes.length, position, (error, written) => {
        if (error !== null) reject(error);
        else if (written === 0 && bytes.length > 0) reject(Object.assign(new Error('write: nothing was written'), { code: 'EIO' }));
        else resolve(written);
      });
    });
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.#descriptor, into, 0, into.length, position, (error, bytesRead) => {
        if (error !== null) reject(error);
        else resolve(bytesRead);
      });
    });
  }

  async bytes(): Promise<number> {
    return (await statFile(this.#descriptor)).size;
  }

  datasync(): Promise<void> {
    return syncData(this.#descriptor);
  }

  close(): Promise<void> {
    return closeFile(this.#descriptor);
  }
}

async function create(path: string): Promise<SpoolFile> {
  return new NodeFile(await openFile(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, fileMode));
}

async function openForReading(path: string): Promise<SpoolFile> {
  return new NodeFile(await openFile(path, readFlags));
}

async function mkdir(path: string): Promise<boolean> {
  try {
    await promises.mkdir(path, { mode: folderMode });
    if (process.geteuid?.() === 0) await giveToOwnerOf(dirname(path), path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST' && (await promises.stat(path)).isDirectory()) return false;
    throw error;
  }
}

/** What root makes in another's spool, with the command line, its owner must be able to use. */
async function giveToOwnerOf(parent: string, path: string): Promise<void> {
  const { uid, gid } = await promises.stat(parent);
  if (uid !== 0) await promises.chown(path, uid, gid);
}

async function stat(path: string): Promise<FileStatus> {
  const status = await statLink(path);
  return { kind: status.isFile() ? 'file' : status.isDirectory() ? 'directory' : 'other', bytes: status.size };
}

async function statfs(path: string): Promise<VolumeStatus> {
  const volume = await promises.statfs(path);
  const usedBytes = (volume.blocks - volume.bfree) * volume.bsize;
  return { usedBytes, freeBytes: volume.bavail * volume.bsize, freeFiles: volume.ffree, totalFiles: volume.files };
}

async function syncDirectory(path: string): Promise<void> {
  const descriptor = await openFile(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await syncAll(descriptor);
  } finally {
    // Nobody waits for it.
    close(descriptor, () => {});
  }
}

/** Longer than somebody who only looks whether it is locked is in the way of whoever locks it. */
const lookMs = 100;

/** For all spools of the process. */
const thread = new FileThread();
/** A thread of its own: removing waits for the disk (one that is told of every freed block, most of all), and nothing that is to be sent waits for it. */
const removing = new FileThread();

async function readStart(path: string, into: Uint8Array): Promise<FileStart> {
  if (into.buffer instanceof SharedArrayBuffer) return await thread.readStart(path, into);
  const shared = new Uint8Array(new SharedArrayBuffer(into.length));
  const start = await thread.readStart(path, shared);
  into.set(shared);
  return start;
}

/**
 * Node has no flock. SQLite's exclusive lock is the kernel's own (fcntl): it ends with the process, also by SIGKILL, needs no process id that
 * may come back as another's or mean nothing in another container, and shuts out other connections of the same process as well.
 */
async function lock(path: string): Promise<FileLock | undefined> {
  // On a read-only volume SQLite takes a lock that many may hold. Not open(): closing it would give up a lock that this process has.
  await promises.access(path, constants.W_OK).catch(async (error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    // Why it cannot be made SQLite does not say.
    await promises.access(dirname(path), constants.W_OK | constants.X_OK);
  });
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: lookMs });
    // Nothing is ever written through it: the file stays empty.
    database.exec('BEGIN EXCLUSIVE');
    const held = database;
    return { release: async () => held.close() };
  } catch (error) {
    database?.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

/** Whether a live process has it; undefined: that cannot be seen by this user. Nothing is made. */
export async function isLocked(path: string): Promise<boolean | undefined> {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 0 });
    // A lock that many may hold, until it has answered.
    database.exec('SELECT 1 FROM sqlite_schema');
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    const isThere = (): undefined => undefined;
    return await promises.stat(path).then(isThere, (reason: unknown) => (systemCode(reason) === 'ENOENT' ? false : undefined));
  } finally {
    database?.close();
  }
}

/** SQLITE_BUSY. */
function isBusy(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error && error.errcode === 5;
}

export const nodeFileSystem: SpoolFileSystem = {
  mkdir,
  create,
  open: openForReading,
  rename: (from, to) => promises.rename(from, to),
  unlink: (path) => (thread.isThere ? removing.unlink(path) : promises.unlink(path)),
  rmdir: (path) => promises.rmdir(path),
  readdir: (path) => promises.readdir(path),
  stat,
  statfs,
  syncDirectory,
  readHeadNow,
  readStart,
  lock,
};
