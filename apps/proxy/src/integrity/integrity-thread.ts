/** The entry of a thread that serves the ledger and nothing else. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ThreadData } from './message.ts';
import { serveIntegrity } from './serve-integrity.ts';

if (parentPort !== null) await serveIntegrity(parentPort, workerData as ThreadData);
