/** The other side of FileThread. Files are removed before others are read: the one takes microseconds, the other a millisecond. */
import { unlinkSync } from 'node:fs';
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { readStartNow } from './file-start.ts';
import type { FileAnswer, FileJob } from './file-thread.ts';
import { readHeadNow } from './read-now.ts';

/** What was done in this time is told together. */
const tellMs = 1;

const removals: FileJob[] = [];
const reads: FileJob[] = [];

function take(jobs: readonly FileJob[]): void {
  for (const job of jobs) (job.what === 'readStart' ? reads : removals).push(job);
}

function work(port: NonNullable<typeof parentPort>): void {
  let answers: FileAnswer[] = [];
  let toldAt = performance.now();
  const tell = () => {
    port.postMessage(answers);
    answers = [];
    toldAt = performance.now();
  };
  for (let job = removals.shift() ?? reads.shift(); job !== undefined; job = removals.shift() ?? reads.shift()) {
    answers.push(answerTo(job));
    if (performance.now() - toldAt >= tellMs) tell();
    // What has come meanwhile may be more urgent.
    for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port)) take(more.message);
  }
  if (answers.length > 0) tell();
}

function answerTo({ number, what, path, into = new Uint8Array(0) }: FileJob): FileAnswer {
  try {
    switch (what) {
      case 'readStart':
        return { number, start: readStartNow(readHeadNow, path, into) };
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

parentPort?.on('message', (jobs: readonly FileJob[]) => {
  take(jobs);
  if (parentPort !== null) work(parentPort);
});
