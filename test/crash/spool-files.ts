/** The spool's files as anybody can see them. */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readPart10 } from '../fixtures/part10.ts';

const states = ['incoming', 'waiting', 'held', 'dead', 'damaged'] as const;

export interface SpoolFile {
  readonly state: (typeof states)[number];
  readonly path: string;
}

export async function* spoolFiles(spool: string): AsyncGenerator<SpoolFile> {
  for (const state of states) {
    const names = await readdir(join(spool, state), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of names) {
      if (entry.isFile() && !entry.name.endsWith('.why')) yield { state, path: join(entry.parentPath, entry.name) };
    }
  }
}

export async function countWaiting(spool: string): Promise<number> {
  let count = 0;
  for await (const { state } of spoolFiles(spool)) if (state === 'waiting') count++;
  return count;
}

/** From the file meta group; a file that is being written has it too. */
export async function sopInstanceUidOf(path: string): Promise<string | undefined> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(64 * 1024);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return readPart10(head.subarray(0, bytesRead))?.sopInstanceUid;
  } finally {
    await file.close();
  }
}
