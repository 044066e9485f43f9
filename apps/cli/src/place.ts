/** Of the places where a proxy keeps things. */
import { stat } from 'node:fs/promises';

/** A URL as it may be shown. */
export function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//');
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    // It is there, or may be: whoever opens it is told.
    return true;
  }
}
