import { EnvelopeError } from '@radiotracer/instance';

/** Why the spool did not do it. Stable: it labels metrics and tests. */
export type SpoolErrorCode =
  /** Above a watermark: nothing was begun. */
  | 'not-accepting'
  /** `maxBytes` was passed while the instance came. */
  | 'spool-full'
  /** ENOSPC, EDQUOT, EFBIG. */
  | 'no-space'
  /** EROFS. */
  | 'read-only'
  /** EACCES, EPERM. */
  | 'no-permission'
  /** EMFILE, ENFILE. */
  | 'too-many-open-files'
  /** EIO, and everything else that a file system may say. */
  | 'io'
  /** Another live process owns this spool. */
  | 'locked'
  /** The spool was closed. */
  | 'closed'
  /** The writer was committed, discarded or failed before. */
  | 'writer-finished'
  /** No such instance in waiting, held or dead. */
  | 'unknown-instance'
  /** The file is not what the spool wrote: too short, too long, head unreadable. */
  | 'damaged'
  /** The data set's bytes are not those that were received. */
  | 'digest-mismatch'
  /** The envelope cannot be written as it is. */
  | 'envelope-invalid';

export interface SpoolErrorDetails {
  readonly code: SpoolErrorCode;
  /** What was being done: `write`, `rename`, `sync directory`… */
  readonly operation: string;
  /** The file or folder. */
  readonly where: string;
  /** What is wrong, in words. */
  readonly what: string;
  /** What is true now, or what to do. */
  readonly advice: string;
  readonly cause?: unknown;
}

/**
 * The spool could not do what it was asked. From `begin`, `write` and `commit` it means that the instance is not safe: answer A700, out of
 * resources (PS3.4 B.2.3), never Success.
 */
export class SpoolError extends Error {
  override readonly name = 'SpoolError';
  readonly code: SpoolErrorCode;
  readonly operation: string;
  readonly where: string;
  readonly advice: string;

  constructor({ code, operation, where, what, advice, cause }: SpoolErrorDetails) {
    super(`${operation} ${where}: ${what}. ${advice}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.operation = operation;
    this.where = where;
    this.advice = advice;
  }
}

/** The code of a system error (`ENOENT`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const known: Readonly<Record<string, readonly [SpoolErrorCode, what: string, advice: string]>> = {
  ENOSPC: ['no-space', 'the volume is full', 'Make room on it'],
  EDQUOT: ['no-space', 'the quota is used up', 'Raise it, or make room'],
  EFBIG: ['no-space', 'the file is longer than the volume or a limit allows', 'Raise the limit (ulimit -f)'],
  EROFS: ['read-only', 'the volume is read-only', 'Mount it writable; after errors a kernel mounts read-only, so look at its log'],
  EACCES: ['no-permission', 'not permitted', 'Give the folder to the user that runs the proxy'],
  EPERM: ['no-permission', 'not permitted', 'Give the folder to the user that runs the proxy'],
  EEXIST: ['io', 'a file of this name is there already', 'Move it away, or name another folder (spool.dir)'],
  ENOTDIR: ['io', 'a part of this path is no folder', 'Name another folder (spool.dir)'],
  EMFILE: ['too-many-open-files', 'the process has too many files open', 'Raise its limit (ulimit -n)'],
  ENFILE: ['too-many-open-files', 'the system has too many files open', 'Raise its limit (fs.file-max)'],
};

/** What a failed file system operation means for the spool. A SpoolError stays what it is. */
export function spoolErrorOf(error: unknown, operation: string, where: string): SpoolError {
  if (error instanceof SpoolError) return error;
  if (error instanceof EnvelopeError) {
    const advice = 'It is as the peer sent it; nothing was kept';
    return new SpoolError({ code: 'envelope-invalid', operation, where, what: error.message, advice, cause: error });
  }
  const code = systemCode(error);
  const [spoolCode, what, advice] = known[code ?? ''] ?? [
    'io',
    `failed (${code ?? String(error)})`,
    'Look at the disk and at the system log',
  ];
  return new SpoolError({ code: spoolCode, operation, where, what, advice, cause: error });
}

/** The same of opening the spool in `dir`: its folder may be whose it should be, and something in it not. */
export function openErrorOf(error: unknown, dir: string): SpoolError {
  const { path, syscall } = Object(error) as { readonly path?: unknown; readonly syscall?: unknown };
  const where = typeof path === 'string' ? path : dir;
  if (systemCode(error) === 'ENOENT') {
    const [what, advice] = ['a link that leads nowhere', 'Is its volume mounted? Mount it, or name another folder (spool.dir)'];
    return new SpoolError({ code: 'io', operation: 'open', where, what, advice, cause: error });
  }
  const opened = spoolErrorOf(error, 'open', where);
  if (opened.code !== 'no-permission' || syscall !== 'mkdir') return opened;
  const advice = 'Make it, and give it to the user that runs the proxy';
  return new SpoolError({ code: opened.code, operation: 'make', where, what: 'not permitted', advice, cause: error });
}

export function closedError(where: string): SpoolError {
  return new SpoolError({ code: 'closed', operation: 'use', where, what: 'the spool is closed', advice: 'Nothing was done' });
}
