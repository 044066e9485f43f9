/** The other side of FileThread: does what comes, in order, and answers each batch as a whole. */
import { unlinkSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { readStartNow } from './file-start.ts';
import type { FileAnswer, FileJob } from './file-thread.ts';
import { readHeadNow, statNow } from './read-now.ts';

parentPort?.on('message', (jobs: readonly FileJob[]) => parentPort?.postMessage(jobs.map(answerTo)));

function answerTo({ number, what, path, into = new Uint8Array(0) }: FileJob): FileAnswer {
  try {
    switch (what) {
      case 'readStart':
        return { number, start: readStartNow(readHeadNow, path, into) };
      case 'stat':
        return { number, status: statNow(path) };
      case 'unlink':
        unlinkSync(path);
        return { number };
    }
  } catch (error) {
    // A clone of an error has no code.
    const { message, code = 'EIO' } = error as NodeJS.ErrnoException;
    return { number, error: { message, code } };
  }
}
