import { QueueUnavailable, type UnavailableCode } from '../queue-error.ts';

/** SQLite's primary result codes (sqlite.org/rescode.html) that say something about the home and not about the statement. */
const MEANING: ReadonlyMap<number, UnavailableCode> = new Map([
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
const SQLITE_ERROR = 1;

/** What SQLite reads without complaint and is not what was written: of a page's contents it keeps no checksum. */
export class DamagedSchedule extends Error {
  override readonly name = 'DamagedSchedule';
}

/** What an error of node:sqlite says of the home; undefined: it is not one of those. */
export function faultOf(error: unknown): UnavailableCode | undefined {
  if (typeof error !== 'object' || error === null || error instanceof QueueUnavailable) return undefined;
  if (error instanceof DamagedSchedule) return 'corrupt';
  // The file system's own: a folder that cannot be made, a file that cannot be renamed.
  if ('syscall' in error) return 'refused';
  if (!('errcode' in error)) return undefined;
  const errcode = Number(error.errcode);
  // The lower eight bits are the primary code.
  const code = MEANING.get(errcode & 0xff);
  if (code !== undefined) return code;
  // Tables that should be there and are not: somebody's, or what is left of ours.
  return errcode === SQLITE_ERROR && /no such (table|column|index)|malformed/.test(messageOf(error)) ? 'corrupt' : undefined;
}

export function unavailable(code: UnavailableCode, error: unknown): QueueUnavailable {
  return new QueueUnavailable(code, `the queue's database: ${messageOf(error)}`, error);
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}
