import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { FileHead } from './spool-file-system.ts';

/** O_NOFOLLOW: what the spool wrote is never a link, and a link may lead anywhere. */
export const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export function readHeadNow(path: string, into: Uint8Array): FileHead {
  const descriptor = openSync(path, readFlags);
  try {
    const fileBytes = fstatSync(descriptor).size;
    let headBytes = 0;
    while (headBytes < into.length) {
      const bytes = readSync(descriptor, into, headBytes, into.length - headBytes, headBytes);
      if (bytes === 0) break;
      headBytes += bytes;
    }
    return { headBytes, fileBytes };
  } finally {
    closeSync(descriptor);
  }
}
