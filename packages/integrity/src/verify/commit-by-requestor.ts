/**
 * Asks destinations for storage commitment, on an association for each request. The report may come on it, as long as it is there, or on one that
 * the destination opens to us, minutes or hours later (PS3.4 J.3.3): that one comes by way of the relay.
 *
 *   N-ACTION ──Success──> report, on the same association, within some seconds ──> answered
 *                          └─ else: released, and waited for elsewhere
 */
import { Requestor } from '@radiotracer/upper-layer';
import { CommandField, commandSet, readHeadOf, Status, statusClass, uidValue } from '@radiotracer/wire';
import { maxDataSetBytes } from '../data-set/read-document.ts';
import { storageCommitmentSopClass } from '../observe.ts';
import type { CommitAnswer, CommitAtDestination, CommitmentAsked, ReportDataSet } from './commit-at-destination.ts';
import { encodeCommitmentRequest } from './commit-request.ts';
import type { FindByRequestorOptions } from './find-by-requestor.ts';

export interface CommitByRequestorOptions extends FindByRequestorOptions {
  /** How long an association is kept for a report on it. Default 5 s. */
  readonly keepMs?: number;
}

/** PS3.4 J.3.5: the well-known instance. */
const storageCommitmentInstance = '1.2.840.10008.1.20.1.1';
/** PS3.4 J.3.2: Request Storage Commitment. */
const requestStorageCommitment = 1;
const implicitVrLittleEndian = '1.2.840.10008.1.2';
const explicitVrLittleEndian = '1.2.840.10008.1.2.1';
const context = { id: 1, abstractSyntax: storageCommitmentSopClass, transferSyntaxes: [explicitVrLittleEndian, implicitVrLittleEndian] };
const transactionUidTag = 0x00081195;

export class CommitByRequestor implements CommitAtDestination {
  readonly #options: CommitByRequestorOptions;

  constructor(options: CommitByRequestorOptions) {
    this.#options = options;
  }

  async ask(destinationId: string, asked: CommitmentAsked, heard: Promise<void>): Promise<CommitAnswer> {
    const reported = Promise.withResolvers<void>();
    let report: ReportDataSet | undefined;
    let requestor: Requestor | undefined;
    try {
      const reach = this.#options.reach(destinationId);
      if (reach === undefined) return { kind: 'unsupported' };
      requestor = await Requestor.open({
        ...reach,
        contexts: [context],
        events: {
          maxBytes: maxDataSetBytes,
          take: ({ affectedSopClassUid }, bytes, transferSyntaxUid) => {
            if (affectedSopClassUid !== storageCommitmentSopClass) return Status.noSuchSopClass;
            if (transactionUidOf(bytes, transferSyntaxUid) !== asked.transactionUid) return Status.processingFailure;
            report = { bytes, transferSyntaxUid };
            reported.resolve();
            return Status.success;
          },
        },
      });
      const transferSyntaxUid = requestor.agreed.get(context.id);
      if (transferSyntaxUid === undefined) {
        await requestor.release();
        return { kind: 'unsupported' };
      }
      const request = commandSet({
        commandField: CommandField.nActionRq,
        messageId: 1,
        requestedSopClassUid: storageCommitmentSopClass,
        requestedSopInstanceUid: storageCommitmentInstance,
        actionTypeId: requestStorageCommitment,
        hasDataSet: true,
      });
      const information = encodeCommitmentRequest(asked, transferSyntaxUid === explicitVrLittleEndian);
      const { status = Status.processingFailure } = await requestor.invoke(context.id, request, [information]);
      const isTaken = statusClass(status) === 'success' || statusClass(status) === 'warning';
      if (isTaken) await this.#within([reported.promise, heard, requestor.closed]);
      // What it answered is known; how the association ends changes nothing.
      await requestor.release().catch(() => {});
      if (isTaken || report !== undefined) return { kind: 'asked', report };
      return { kind: isTransient(status) ? 'refused' : 'unsupported' };
    } catch {
      requestor?.abort();
      // We have said that we took it.
      return report === undefined ? { kind: 'unreachable' } : { kind: 'asked', report };
    }
  }

  /** The first of these, or the time is over. */
  async #within(some: readonly Promise<void>[]): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, this.#options.keepMs ?? 5000);
    await Promise.race([...some, late.promise]);
    clearTimeout(timer);
  }
}

function transactionUidOf(bytes: Uint8Array, transferSyntaxUid: string): string | undefined {
  const value = readHeadOf(bytes, { transferSyntaxUid, wanted: [transactionUidTag] }).values.get(transactionUidTag);
  return value === undefined ? undefined : uidValue(value);
}

/** It may take the next one: out of resources, or in trouble. */
function isTransient(status: number): boolean {
  return status === Status.resourceLimitation || status === Status.processingFailure;
}
