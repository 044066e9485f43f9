import { parentPort } from 'node:worker_threads';
import { readWithDcmjs } from './dcmjs-reading.ts';

parentPort?.on('message', ({ bytes, transferSyntaxUid }: { bytes: Uint8Array; transferSyntaxUid: string }) => {
  parentPort?.postMessage(readWithDcmjs(bytes, transferSyntaxUid));
});
