import type { EntryKey } from './entry.ts';
import type { PageCursor } from './queue.ts';

/** Order of arrival first; destination and owner part those whose ids are the same. */
export function compareKeys(left: EntryKey, right: EntryKey): number {
  return compareText(left.id, right.id) || compareText(left.destinationId, right.destinationId) || compareText(left.ownerId, right.ownerId);
}

/** By code unit: for ids, which are ASCII, the order of SQLite's and Redis' bytes. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

export function cursorOf({ id, destinationId, ownerId }: EntryKey): PageCursor {
  return Buffer.from(JSON.stringify([id, destinationId, ownerId])).toString('base64url');
}

/** @throws RangeError it is no cursor */
export function keyOfCursor(cursor: PageCursor): EntryKey {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(parts) && parts.length === 3 && parts.every((part) => typeof part === 'string')) {
      const [id = '', destinationId = '', ownerId = ''] = parts;
      return { id, destinationId, ownerId };
    }
  } catch {
    // Said below.
  }
  throw new RangeError('not a cursor of a page');
}

/**
 * How much of one destination's one owner lies behind a key: everything from this id on, with or without the id itself. Undefined: all.
 */
export function behind(
  after: EntryKey | undefined,
  destinationId: string,
  ownerId: string,
): { readonly id: string; readonly inclusive: boolean } | undefined {
  if (after === undefined) return undefined;
  const place = compareText(destinationId, after.destinationId) || compareText(ownerId, after.ownerId);
  return { id: after.id, inclusive: place > 0 };
}
