/** The modality of the lab: sends a study as a scanner does, one C-STORE after the other on one association. */
import { createHash } from 'node:crypto';
import { connectTransport, ReadBufferPool, Requestor, systemClock } from '@radiotracer/upper-layer';
import { CommandField, commandSet, Status, statusClass } from '@radiotracer/wire';
import { type CtInstance, ctImageStorage, explicitVrLittleEndian } from './ct-study.ts';
import type { StoredInstance } from './lab-pacs.ts';

export interface SentInstance extends StoredInstance {
  /** DIMSE status of the answer. */
  readonly status: number;
  /** From the request to the answer. */
  readonly durationMs: number;
}

export interface ModalityOptions {
  readonly host: string;
  readonly port: number;
  readonly calledAeTitle: string;
  readonly callingAeTitle: string;
  readonly instances: Iterable<CtInstance>;
  readonly onSent: (instance: SentInstance) => void;
  /** Aborts the association. */
  readonly signal: AbortSignal;
}

const contextId = 1;

/** Resolves after the release; rejects with AssociationError when the association cannot be had, ends before, or is aborted. */
export async function sendStudy(options: ModalityOptions): Promise<void> {
  const { host, port, signal } = options;
  const requestor = await Requestor.open({
    ...options,
    transport: connectTransport(host, port, new ReadBufferPool()),
    peer: `${host}:${port}`,
    contexts: [{ id: contextId, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }],
    timeouts: { artimMs: 5_000, connectMs: 5_000, associateMs: 10_000, releaseMs: 10_000, idleMs: 0, dimseMs: 30_000 },
    limits: { maxCommandBytes: 64 * 1024 },
    clock: systemClock,
  });
  const abort = () => requestor.abort();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    let messageId = 0;
    for (const { sopInstanceUid, dataSet } of options.instances) {
      messageId = (messageId % 0xffff) + 1;
      const digest = createHash('sha256').update(dataSet).digest('hex');
      const request = commandSet({
        commandField: CommandField.cStoreRq,
        affectedSopClassUid: ctImageStorage,
        messageId,
        priority: 0,
        affectedSopInstanceUid: sopInstanceUid,
        hasDataSet: true,
      });
      const beganAt = performance.now();
      const response = await requestor.invoke(contextId, request, [dataSet]);
      const durationMs = performance.now() - beganAt;
      const status = response.status ?? Status.processingFailure;
      options.onSent({ sopInstanceUid, bytes: dataSet.length, digest, status, durationMs });
      // A modality gives up at the first failure; so the rest counts as not sent.
      if (statusClass(status) === 'failure') break;
    }
    await requestor.release();
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
