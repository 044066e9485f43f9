/**
 * What the spool needs of a file system; POSIX, few words. Two homes: {@link nodeFileSystem}, and an in-memory one that forgets what was
 * not synced. Errors are system errors with a `code` (ENOENT, ENOSPC…).
 *
 * What it relies on: `rename` is atomic for other processes and across a crash, in both folders at once (ext4, XFS, Btrfs, ZFS: one
 * transaction of the journal or log; ext2 and FAT have none and are not fit for a spool). Nothing else is durable before its sync.
 */
export interface SpoolFileSystem {
  /** Makes one folder, for the owner only. True when it was not there. */
  mkdir(path: string): Promise<boolean>;
  /** A new file for writing and reading, for the owner only. EEXIST when there is one. */
  create(path: string): Promise<SpoolFile>;
  /** An existing file for reading. */
  open(path: string): Promise<SpoolFile>;
  /** Replaces what is at `to`, without a moment in which neither is there. */
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** ENOTEMPTY when something is in it. */
  rmdir(path: string): Promise<void>;
  /** Names in no order, without `.` and `..`. */
  readdir(path: string): Promise<readonly string[]>;
  stat(path: string): Promise<FileStatus>;
  statfs(path: string): Promise<VolumeStatus>;
  /** The folder's entries as they are now survive a power cut when this resolves. */
  syncDirectory(path: string): Promise<void>;
  /** The first bytes of a file and its length, at once: for the few that a start must read before there is anybody else to serve. */
  readHeadNow(path: string, into: Uint8Array): FileHead;
  /**
   * As readHeadNow, while this thread goes on; and where that is the whole file, with the digest of its data set. `into` is best shared memory:
   * another thread can then write to it.
   */
  readStart(path: string, into: Uint8Array): Promise<FileStart>;
  /**
   * An exclusive lock on this file (made if needed), which ends with the process, however it ends. Undefined when another has it, in this
   * process too.
   */
  lock(path: string): Promise<FileLock | undefined>;
}

export interface FileHead {
  /** How many bytes of `into` are the file's. */
  readonly headBytes: number;
  readonly fileBytes: number;
}

export interface FileStart extends FileHead {
  /** SHA-256 of what follows the front, 64 lower-case hexadecimal digits; undefined: not all of the file, or it has no front. */
  readonly dataSetDigest: string | undefined;
}

export interface FileStatus {
  readonly kind: 'file' | 'directory' | 'other';
  readonly bytes: number;
}

export interface VolumeStatus {
  /** By whatever lies on it. */
  readonly usedBytes: number;
  /** What an unprivileged process may still write. */
  readonly freeBytes: number;
  readonly freeFiles: number;
  /** Zero: the volume does not count them. */
  readonly totalFiles: number;
}

export interface FileLock {
  release(): Promise<void>;
}

export interface SpoolFile {
  /** May write less than asked. Resolves with how many bytes, at least one. The bytes must not change meanwhile. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  /** May read less than asked; zero at the end. */
  read(into: Uint8Array, position: number): Promise<number>;
  bytes(): Promise<number>;
  /** Contents and length survive a power cut when this resolves (fdatasync). After a failure nothing is known, and a second try may lie. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** Writes all of it. */
export async function writeFully(file: SpoolFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += await file.write(done === 0 ? bytes : bytes.subarray(done), position + done);
  }
}

/** Reads until `into` is full or the file ends; resolves with how many bytes. */
export async function readFully(file: SpoolFile, into: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < into.length) {
    const read = await file.read(done === 0 ? into : into.subarray(done), position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}
