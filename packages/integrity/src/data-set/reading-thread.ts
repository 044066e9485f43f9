import { parentPort } from 'node:worker_threads';
import { readWithDcmjs } from './dcmjs-reading.ts';

/** Sent once, when it can read: what reads takes its time to load, on a machine that is busy. */
parentPort?.postMessage('ready');
parentPort?.on('message', ({ bytes, transferSyntaxUid }: { bytes: Uint8Array; transferSyntaxUid: string }) => {
  parentPort?.postMessage(readWithDcmjs(bytes, transferSyntaxUid));
});
