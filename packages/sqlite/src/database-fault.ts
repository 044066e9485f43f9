/** What keeps a database from being used just now. */
export type DatabaseFault =
  /** Another process holds it. */
  | 'busy'
  /** The file is no database, or a broken one. */
  | 'corrupt'
  /** It takes no writes, or cannot be had: a full disk, no permission, a failing device. */
  | 'refused'
  | 'closed';

/**
 * For the work of a transaction: what SQLite read without complaint and is not what was written (of a page's contents it keeps no checksum). It
 * counts as `corrupt`.
 */
export class DamagedDatabase extends Error {
  override readonly name = 'DamagedDatabase';
}

/** SQLite's primary result codes (sqlite.org/rescode.html) that say something about the database and not about the statement. */
const meaning: ReadonlyMap<number, DatabaseFault> = new Map([
  [5, 'busy'], // SQLITE_BUSY
  [6, 'busy'], // SQLITE_LOCKED
  [7, 'refused'], // SQLITE_NOMEM
  [8, 'refused'], // SQLITE_READONLY
  [10, 'refused'], // SQLITE_IOERR
  [11, 'corrupt'], // SQLITE_CORRUPT
  [13, 'refused'], // SQLITE_FULL
  [14, 'refused'], // SQLITE_CANTOPEN
  [15, 'busy'], // SQLITE_PROTOCOL: locking gave up
  [23, 'refused'], // SQLITE_AUTH
  [26, 'corrupt'], // SQLITE_NOTADB
]);
const sqliteError = 1;

/** Full, or (a part of code 10) without room for the -shm. */
const full: ReadonlySet<number> = new Set([13, 4874]);

/** Whether there is no room for what was to be written. */
export function isFull(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  return ('errcode' in error && full.has(Number(error.errcode))) || ('code' in error && error.code === 'ENOSPC');
}

/** What an error of node:sqlite, or of the file system, says of the database; undefined: it is not one of those. */
export function faultOf(error: unknown): DatabaseFault | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if (error instanceof DamagedDatabase) return 'corrupt';
  // The file system's own: a folder that cannot be made, a file that cannot be renamed.
  if ('syscall' in error) return 'refused';
  if (!('errcode' in error)) return undefined;
  const errcode = Number(error.errcode);
  // The lower eight bits are the primary code.
  const fault = meaning.get(errcode & 0xff);
  if (fault !== undefined) return fault;
  // Tables that should be there and are not: somebody's, or what is left of ours.
  return errcode === sqliteError && /no such (table|column|index)|malformed/.test(messageOf(error)) ? 'corrupt' : undefined;
}

/** Whether the file, or one beside it, could not be opened: SQLite says neither which nor why. */
export function isUnopened(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error && (Number(error.errcode) & 0xff) === 14;
}

export function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}
