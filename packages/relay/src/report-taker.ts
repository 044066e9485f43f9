/**
 * Takes the reports of storage commitments that we asked for ourselves (PS3.4 J.3.3), on associations that destinations open to our own title:
 *
 *   destination ──A-ASSOCIATE-RQ, to our title──> AC, its SCP role accepted
 *   destination ──N-EVENT-REPORT──> one of our transactions: told, Success
 *                                   └─ of another: refused, nobody else is behind this title
 *
 * Reports for modalities come to the modalities' titles, and are relayed.
 */
import type { Limits } from '@radiotracer/config';
import type { OperationName, Publish } from '@radiotracer/telemetry';
import {
  type Association,
  acceptContexts,
  agreedContexts,
  associateResponse,
  type Clock,
  type DataSetSink,
  type MessageHandler,
  Performer,
  type ReceivedMessage,
  responseTo,
} from '@radiotracer/upper-layer';
import {
  type AssociateAc,
  type AssociateRq,
  CommandField,
  type CommandSet,
  commandName,
  type RoleSelectionItem,
  readHeadOf,
  Status,
  statusClass,
  trimAeTitle,
  trimUid,
  uidValue,
} from '@radiotracer/wire';
import { type AssociationRequestor, proposedAbstractSyntaxes, requestorOf } from './agreement.ts';
import { WholeDataSet } from './data-set-reading.ts';

/** What is ours among the reports. */
export interface OwnReports {
  /** By which we ask, and to which destinations report; trimmed. */
  readonly aeTitle: string;
  /** A longer report is refused. */
  readonly maxBytes: number;
  isOwn(transactionUid: string): boolean;
}

export interface ReportTakerOptions {
  readonly reports: OwnReports;
  readonly rq: AssociateRq;
  readonly server: Association;
  readonly serverAssociationId: string;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly publish: Publish;
}

const verification = '1.2.840.10008.1.1';
const storageCommitment = '1.2.840.10008.1.20.1';
const transferSyntaxes = ['1.2.840.10008.1.2.1', '1.2.840.10008.1.2'];
const transactionUidTag = 0x00081195;
const maxPduBytes = 128 * 1024;
/** Reports not yet answered, of one association. */
const maxOpenRequests = 16;

/** Whether an association is for us: to our title, for storage commitment, or to see whether anybody is there. */
export function isForReports(rq: AssociateRq, { aeTitle }: OwnReports): boolean {
  if (trimAeTitle(rq.calledAeTitle) !== aeTitle) return false;
  const proposed = [...proposedAbstractSyntaxes(rq).values()];
  return proposed.includes(storageCommitment) || (proposed.length > 0 && proposed.every((syntax) => syntax === verification));
}

export class ReportTaker implements MessageHandler {
  readonly #options: Omit<ReportTakerOptions, 'rq'>;
  readonly #requestor: AssociationRequestor;
  /** The contexts that were accepted. */
  readonly agreed: ReadonlyMap<number, string>;
  readonly ac: AssociateAc;
  readonly performer: Performer;
  #count = 0;

  constructor(options: ReportTakerOptions) {
    const { rq, ...rest } = options;
    const { server, limits } = rest;
    this.#options = rest;
    this.#requestor = requestorOf(rq);
    const contexts = acceptContexts(rq, (abstractSyntax, proposed) =>
      abstractSyntax === storageCommitment || abstractSyntax === verification
        ? transferSyntaxes.find((syntax) => proposed.includes(syntax))
        : undefined,
    );
    this.ac = associateResponse(rq, contexts, maxPduBytes, rolesOf(rq));
    this.agreed = agreedContexts(this.ac);
    this.performer = new Performer(
      {
        association: server,
        agreed: this.agreed,
        peerMaxPduBytes: this.#requestor.maxPduBytes,
        limits: { ...limits, maxOpenRequests },
      },
      this,
    );
  }

  /** Operations that came to it. */
  get count(): number {
    return this.#count;
  }

  message(message: ReceivedMessage): DataSetSink | undefined {
    const { command, transferSyntax } = message;
    if (command.commandField === CommandField.cCancelRq) return undefined;
    this.#count++;
    const beganAt = this.#options.clock.now();
    const reading = new WholeDataSet(this.#options.reports.maxBytes);
    let dataSetBytes = 0;
    const answer = () => {
      const bytes = command.hasDataSet ? reading.bytes : undefined;
      const status = this.#statusOf(command, bytes, transferSyntax);
      message.respond(responseTo(command, status, { eventTypeId: command.eventTypeId }));
      this.#tell(message, { beganAt, status, dataSet: status === Status.success ? bytes : undefined, dataSetBytes });
    };
    if (!command.hasDataSet) {
      answer();
      return undefined;
    }
    return {
      piece: (buffer, start, end) => {
        dataSetBytes += end - start;
        reading.push(buffer.subarray(start, end));
      },
      flush() {},
      end: answer,
      lost() {},
    };
  }

  /** `dataSet` undefined: there is none, or it is too long. */
  #statusOf(command: CommandSet, dataSet: Uint8Array | undefined, transferSyntaxUid: string): number {
    if (command.commandField !== CommandField.nEventReportRq) return Status.unrecognizedOperation;
    if (command.affectedSopClassUid !== storageCommitment) return Status.noSuchSopClass;
    if (dataSet === undefined) return Status.resourceLimitation;
    const value = readHeadOf(dataSet, { transferSyntaxUid, wanted: [transactionUidTag] }).values.get(transactionUidTag);
    return value !== undefined && this.#options.reports.isOwn(uidValue(value)) ? Status.success : Status.processingFailure;
  }

  #tell({ contextId, command }: ReceivedMessage, { beganAt, status, dataSet, dataSetBytes }: Told): void {
    const { clock, publish, serverAssociationId } = this.#options;
    const { callingAeTitle, calledAeTitle } = this.#requestor;
    const now = clock.now();
    const isFailure = statusClass(status) === 'failure';
    publish({
      type: 'operation.ended',
      serverAssociationId,
      clientAssociationId: undefined,
      invokedBy: 'requestor',
      operation: (commandName(command.commandField ?? 0) as OperationName | undefined) ?? 'unknown',
      messageId: command.messageId ?? 0,
      destinationId: undefined,
      callingAeTitle,
      calledAeTitle,
      sopClassUid: command.affectedSopClassUid ?? command.requestedSopClassUid,
      sopInstanceUid: command.affectedSopInstanceUid ?? command.requestedSopInstanceUid,
      transferSyntaxUid: this.agreed.get(contextId),
      requestInAt: beganAt,
      commandInAt: beganAt,
      requestOutAt: undefined,
      requestEndAt: now,
      responseInAt: undefined,
      responseOutAt: now,
      endedAt: now,
      status,
      statusClass: statusClass(status),
      errorType: isFailure ? 'status_failure' : undefined,
      ours: isFailure,
      disposition: isFailure ? 'refused' : 'taken',
      dataSetBytes,
      pendingResponses: 0,
      head: undefined,
      dataSet,
    });
  }
}

interface Told {
  readonly beganAt: number;
  readonly status: number;
  readonly dataSet: Uint8Array | undefined;
  readonly dataSetBytes: number;
}

/** Who reports is the SCP, though it opened the association (PS3.7 D.3.3.4): so it may be, and nothing else. */
function rolesOf(rq: AssociateRq): readonly RoleSelectionItem[] {
  const items = rq.items.flatMap((item) => (item.kind === 'user-information' ? item.items : []));
  return items.flatMap((item) =>
    item.kind === 'role-selection' && trimUid(item.sopClassUid) === storageCommitment
      ? [{ kind: 'role-selection' as const, sopClassUid: storageCommitment, scuRole: 0, scpRole: item.scpRole === 0 ? 0 : 1 }]
      : [],
  );
}
