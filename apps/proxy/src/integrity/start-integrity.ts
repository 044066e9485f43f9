import { Worker } from 'node:worker_threads';
import { systemClock } from '@radiotracer/telemetry';
import type pino from 'pino';
import type { RunningTelemetry } from '../telemetry/index.ts';
import { IntegrityPort, type IntegrityThread } from './integrity-port.ts';
import type { ThreadData } from './message.ts';

export interface IntegrityPorts {
  readonly logger: pino.Logger;
  readonly telemetry: Pick<RunningTelemetry, 'publish' | 'rememberStudies' | 'observeLedger' | 'integrityThread'>;
}

/** A study of 50,000 instances, the most that is kept of one, takes some 150 MB to be looked at; one of 2,000 some 10. */
const resourceLimits = { maxOldGenerationSizeMb: 384, maxYoungGenerationSizeMb: 4 };

/** Begins the ledger's thread, and begins it again whenever it ends. Never throws: without it images go as always. */
export function startIntegrity(data: Omit<ThreadData, 'isAgain'>, { logger, telemetry }: IntegrityPorts): IntegrityPort {
  let isAgain = false;
  const port = new IntegrityPort({
    start: () => {
      // Where telemetry has a thread, that one serves the ledger too: an empty thread takes 20 MB.
      const thread = (telemetry.integrityThread ?? integrityThread)({ ...data, isAgain });
      isAgain = true;
      return thread;
    },
    publish: telemetry.publish,
    remember: (studies) =>
      telemetry.rememberStudies(studies.map(({ uid, generation, closedAt }) => ({ studyInstanceUid: uid, generation, closedAt }))),
    log: {
      ended: (error, { inMs }) =>
        logger.error({ 'error.type': codeOf(error), 'integrity.restart_ms': inMs }, 'the ledger’s thread ended; images are not affected'),
      failed: (code, message) =>
        logger.error(
          { 'error.type': code, 'error.message': message },
          'the ledger cannot be used; it is tried again, images are not affected',
        ),
      unmarked: (code, message) =>
        logger.warn(
          { 'error.type': code, 'error.message': message },
          'beside the spool it could not be marked that the ledger is being written: after a kill some loss may stay unknown; images are not affected',
        ),
      works: () => logger.info('the ledger is being written again'),
      movedAside: (path) => logger.warn({ path }, 'the ledger could not be read: it was moved aside, and a new one begun'),
    },
    clock: systemClock,
  });
  telemetry.observeLedger({ ledger: async () => port.levels });
  return port;
}

export function integrityThread(workerData: ThreadData): IntegrityThread {
  const isSource = import.meta.url.endsWith('.ts');
  const thread = new Worker(new URL(`./integrity-thread${isSource ? '.ts' : '.js'}`, import.meta.url), {
    name: 'integrity',
    workerData,
    resourceLimits,
    execArgv: isSource ? ['--conditions=@radiotracer/source'] : [],
  });
  thread.unref();
  return thread as IntegrityThread;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : error instanceof Error ? error.name : 'internal';
}
