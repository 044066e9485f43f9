import { parentPort } from 'node:worker_threads';
import { readWithDcmjs } from './dcmjs-reading.ts';

parentPort?.on('message', ({ id, bytes, transferSyntaxUid }: { id: number; bytes: Uint8Array; transferSyntaxUid: string }) => {
  parentPort?.postMessage({ id, dataSet: readWithDcmjs(bytes, transferSyntaxUid) });
});
