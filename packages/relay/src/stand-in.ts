/**
 * Performs in the place of a destination that cannot: stores into the store and answers for it, when, and only when, the instance is safe
 * there. C-ECHO is answered by the performer; everything else gets an honest refusal.
 *
 *   message ──> intake ──commit──> Success
 *                      └─failed──> A700, out of resources
 */
import type { EnvelopeStart, InstanceHead, InstanceIntake, InstanceStore } from '@radiotracer/instance';
import type { Publish } from '@radiotracer/telemetry';
import {
  type AssociationError,
  type Clock,
  type DataSetSink,
  type MessageHandler,
  type ReceivedMessage,
  responseTo,
} from '@radiotracer/upper-layer';
import { CommandField, type CommandSet, commandName, statusClass } from '@radiotracer/wire';
import { InstanceHeadReader } from './head-of-instance.ts';
import type { Operation } from './operation.ts';
import type { OperationContext } from './operation-log.ts';

/** PS3.4 table B.2-1, PS3.7 annex C. */
const status = { success: 0x0000, outOfResources: 0xa700, sopClassNotSupported: 0x0122 } as const;

export interface StandInOptions {
  readonly store: InstanceStore;
  readonly context: OperationContext;
  /** What is the same for all instances of the association. */
  readonly envelope: Pick<EnvelopeStart, 'routeId' | 'destinationId' | 'callingAeTitle' | 'calledAeTitle' | 'sourceAddress'>;
  /** By presentation context id. */
  readonly abstractSyntaxes: ReadonlyMap<number, string>;
  readonly clock: Clock;
  readonly publish: Publish;
}

/** Backpressure, down to the modality's socket. */
export interface Flow {
  pause(): void;
  resume(): void;
}

export class StandIn implements MessageHandler {
  readonly #options: StandInOptions;
  #flow: Flow | undefined;
  #count = 0;

  constructor(options: StandInOptions) {
    this.#options = options;
  }

  /** Operations that came to it. */
  get count(): number {
    return this.#count;
  }

  /** Whom to hold while the store cannot take more. */
  holds(flow: Flow): void {
    this.#flow = flow;
  }

  message({ contextId, command, respond }: ReceivedMessage): DataSetSink | undefined {
    this.#count++;
    const now = this.#options.clock.now();
    const stored = { request: command, contextId, receivedAt: now, respond };
    if (command.commandField !== CommandField.cStoreRq) return this.#refuse(command, respond);
    if (!this.#options.store.accepting) return this.#answerAtEnd(command, status.outOfResources, respond);
    const head = new InstanceHeadReader(this.#options.context.transferSyntaxes.get(contextId) ?? '');
    return this.#sink(stored, this.begin(contextId, command, now), head, 0);
  }

  /** Goes on with an operation that was on its way to the destination. Its data set may be whole or not. */
  adopt(operation: Operation, respond: (response: CommandSet) => void): DataSetSink | undefined {
    const isWhole = operation.requestEndAt !== undefined;
    if (operation.retention === undefined) {
      const refusal = this.#refuse(operation.request, respond, isWhole);
      return isWhole ? undefined : refusal;
    }
    const stored = { request: operation.request, contextId: operation.contextId, receivedAt: operation.requestInAt, respond };
    const sink = this.#sink(stored, operation.retention.intake(), operation.headReader, operation.dataSetBytes);
    if (!isWhole) return sink;
    sink.end();
    return undefined;
  }

  /** A place in the store for an instance of this association. */
  begin(contextId: number, request: CommandSet, receivedAt: number): InstanceIntake {
    const { store, envelope, abstractSyntaxes, context } = this.#options;
    const abstractSyntaxUid = abstractSyntaxes.get(contextId) ?? request.affectedSopClassUid ?? '';
    const { moveOriginatorAeTitle, moveOriginatorMessageId, priority } = request;
    return store.begin({
      ...envelope,
      receivedAt: Math.trunc(receivedAt),
      sopClassUid: request.affectedSopClassUid ?? abstractSyntaxUid,
      sopInstanceUid: request.affectedSopInstanceUid ?? '',
      transferSyntaxUid: context.transferSyntaxes.get(contextId) ?? '',
      abstractSyntaxUid,
      ...(moveOriginatorAeTitle === undefined ? {} : { moveOriginatorAeTitle }),
      ...(moveOriginatorMessageId === undefined ? {} : { moveOriginatorMessageId }),
      ...(priority === undefined ? {} : { priority }),
    });
  }

  #sink(stored: Stored, intake: InstanceIntake, head: InstanceHeadReader | undefined, bytesSoFar: number): DataSetSink {
    let dataSetBytes = bytesSoFar;
    const answer = (code: number) => {
      stored.respond(responseTo(stored.request, code));
      this.#tell(stored, code, dataSetBytes, head?.head());
    };
    return {
      piece: (buffer, start, end) => {
        const bytes = buffer.subarray(start, end);
        dataSetBytes += bytes.length;
        head?.push(bytes);
        if (intake.write(bytes)) return;
        this.#flow?.pause();
        const go = () => this.#flow?.resume();
        intake.drained.then(go, go);
      },
      flush() {},
      end: () => {
        intake.commit(lateFields(head?.head())).then(
          () => answer(status.success),
          () => answer(status.outOfResources),
        );
      },
      lost: (_error: AssociationError) => intake.discard(),
    };
  }

  /** What we cannot do for another; told when the whole request is here. */
  #refuse(command: CommandSet, respond: (response: CommandSet) => void, isWhole = !command.hasDataSet): DataSetSink | undefined {
    if (command.commandField === CommandField.cCancelRq) return undefined;
    // Only one that was on its way when the destination failed: later ones are answered by the performer.
    if (command.commandField === CommandField.cEchoRq) return this.#answerAtEnd(command, status.success, respond, isWhole);
    const isQuery = [CommandField.cFindRq, CommandField.cMoveRq, CommandField.cGetRq].some((field) => field === command.commandField);
    return this.#answerAtEnd(command, isQuery ? status.outOfResources : status.sopClassNotSupported, respond, isWhole);
  }

  #answerAtEnd(
    command: CommandSet,
    code: number,
    respond: (response: CommandSet) => void,
    isWhole = !command.hasDataSet,
  ): DataSetSink | undefined {
    const answer = () => respond(responseTo(command, code));
    if (!isWhole) return { piece() {}, flush() {}, end: answer, lost() {} };
    answer();
    return undefined;
  }

  #tell(stored: Stored, code: number, dataSetBytes: number, head: InstanceHead | undefined): void {
    const { context, clock, publish } = this.#options;
    const now = clock.now();
    const { request } = stored;
    publish({
      type: 'operation.ended',
      serverAssociationId: context.serverAssociationId,
      clientAssociationId: undefined,
      invokedBy: 'requestor',
      operation: commandName(request.commandField ?? 0) === 'C-STORE' ? 'C-STORE' : 'unknown',
      messageId: request.messageId ?? 0,
      destinationId: context.destinationId,
      callingAeTitle: context.callingAeTitle,
      calledAeTitle: context.calledAeTitle,
      sopClassUid: request.affectedSopClassUid,
      sopInstanceUid: request.affectedSopInstanceUid,
      transferSyntaxUid: context.transferSyntaxes.get(stored.contextId),
      requestInAt: stored.receivedAt,
      commandInAt: stored.receivedAt,
      requestOutAt: undefined,
      requestEndAt: now,
      responseInAt: undefined,
      responseOutAt: now,
      endedAt: now,
      status: code,
      statusClass: statusClass(code),
      errorType: code === status.success ? undefined : 'status_failure',
      ours: code !== status.success,
      disposition: code === status.success ? 'spooled' : 'refused',
      dataSetBytes,
      pendingResponses: 0,
      head,
    });
  }
}

interface Stored {
  readonly request: CommandSet;
  readonly contextId: number;
  readonly receivedAt: number;
  readonly respond: (response: CommandSet) => void;
}

function lateFields(head: InstanceHead | undefined) {
  return {
    ...(head?.studyInstanceUid === undefined ? {} : { studyInstanceUid: head.studyInstanceUid }),
    ...(head?.seriesInstanceUid === undefined ? {} : { seriesInstanceUid: head.seriesInstanceUid }),
    ...(head?.modality === undefined ? {} : { modality: head.modality }),
  };
}
