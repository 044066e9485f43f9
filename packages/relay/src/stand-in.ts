/**
 * Performs in the place of a destination that cannot: stores into the store and answers for it, when, and only when, the instance is safe
 * there. C-ECHO is answered by the performer; everything else gets an honest refusal.
 *
 *   message ──> intake ──commit──> Success
 *                      └─failed──> A700, out of resources
 */
import type { EnvelopeStart, InstanceHead, InstanceIntake, InstanceStore, LateFields } from '@radiotracer/instance';
import type { ErrorType, OperationName, Publish, RelayAttempt } from '@radiotracer/telemetry';
import {
  type AssociationError,
  type Clock,
  type DataSetSink,
  type MessageHandler,
  type ReceivedMessage,
  responseTo,
} from '@radiotracer/upper-layer';
import { CommandField, type CommandSet, commandName, Status, statusClass } from '@radiotracer/wire';
import { type DataSetReading, readingOf } from './data-set-reading.ts';
import { InstanceHeadReader } from './head-of-instance.ts';
import type { Operation } from './operation.ts';
import type { OperationContext } from './operation-log.ts';

export interface StandInOptions {
  readonly store: InstanceStore;
  readonly context: OperationContext;
  /** What is the same for all instances of the association. */
  readonly envelope: Pick<EnvelopeStart, 'routeId' | 'destinationId' | 'callingAeTitle' | 'calledAeTitle' | 'sourceAddress'>;
  /** By presentation context id. */
  readonly abstractSyntaxes: ReadonlyMap<number, string>;
  readonly clock: Clock;
  readonly publish: Publish;
  readonly traceparent: TraceparentOf | undefined;
}

/** W3C trace context that an instance of this study is kept with; never throws. */
export type TraceparentOf = (studyInstanceUid: string | undefined, serverAssociationId: string) => string | undefined;

/** Why, and on which association, the destination failed. */
export interface Failed {
  readonly errorType: ErrorType;
  readonly clientAssociationId: string;
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
    const reading = readingOf(operationName(command), this.#options.context.dataSets);
    const stored: Stored = { request: command, contextId, receivedAt: now, commandInAt: now, respond, relayAttempt: undefined, reading };
    if (command.commandField !== CommandField.cStoreRq) return this.#refuse(stored);
    if (!this.#options.store.accepting) return this.#answerAtEnd(stored, Status.outOfResources);
    if (isNameless(command)) return this.#answerAtEnd(stored, Status.invalidSopInstance);
    const head = new InstanceHeadReader(this.#options.context.transferSyntaxes.get(contextId) ?? '');
    return this.#sink(stored, this.begin(contextId, command, now), head, 0);
  }

  /** Goes on with an operation that was on its way to the destination. Its data set may be whole or not. */
  adopt(operation: Operation, respond: (response: CommandSet) => void, failed: Failed): DataSetSink | undefined {
    const isWhole = operation.requestEndAt !== undefined;
    const { request, contextId, requestInAt: receivedAt, commandInAt, requestOutAt, status, reading } = operation;
    const possibleDuplicate = isWhole && !operation.isWithheld;
    const relayAttempt = { ...failed, requestOutAt, endedAt: this.#options.clock.now(), status, possibleDuplicate };
    const stored: Stored = { request, contextId, receivedAt, commandInAt, respond, relayAttempt, reading };
    if (operation.retention === undefined) return this.#refuse(stored, isWhole);
    if (isNameless(request)) {
      operation.retention.release();
      return this.#answerAtEnd(stored, Status.invalidSopInstance, isWhole);
    }
    const sink = this.#sink(stored, operation.retention.intake(), operation.headReader, operation.dataSetBytes);
    if (!isWhole) return sink;
    sink.end();
    return undefined;
  }

  /** A place in the store for an instance of this association. `provisionally`: the destination will most likely have it. */
  begin(contextId: number, request: CommandSet, receivedAt: number, provisionally = false): InstanceIntake {
    const { store, envelope, abstractSyntaxes, context } = this.#options;
    const abstractSyntaxUid = abstractSyntaxes.get(contextId) ?? request.affectedSopClassUid ?? '';
    const { moveOriginatorAeTitle, moveOriginatorMessageId, priority } = request;
    const start = {
      ...envelope,
      receivedAt: Math.trunc(receivedAt),
      sopClassUid: request.affectedSopClassUid ?? abstractSyntaxUid,
      sopInstanceUid: request.affectedSopInstanceUid ?? '',
      transferSyntaxUid: context.transferSyntaxes.get(contextId) ?? '',
      abstractSyntaxUid,
      ...(moveOriginatorAeTitle === undefined ? {} : { moveOriginatorAeTitle }),
      ...(moveOriginatorMessageId === undefined ? {} : { moveOriginatorMessageId }),
      ...(priority === undefined ? {} : { priority }),
    };
    return store.begin(start, provisionally);
  }

  #sink(stored: Stored, intake: InstanceIntake, head: InstanceHeadReader | undefined, bytesSoFar: number): DataSetSink {
    let dataSetBytes = bytesSoFar;
    const answer = (code: number, late: LateFields) => {
      const spooledAt = code === Status.success ? this.#options.clock.now() : undefined;
      stored.respond(responseTo(stored.request, code));
      this.#tell(stored, { code, dataSetBytes, head: head?.head(dataSetBytes), traceparent: late.traceparent, spooledAt });
    };
    return {
      piece: (buffer, start, end) => {
        const bytes = buffer.subarray(start, end);
        dataSetBytes += bytes.length;
        head?.push(bytes);
        stored.reading?.push(bytes);
        if (intake.write(bytes)) return;
        this.#flow?.pause();
        const go = () => this.#flow?.resume();
        intake.drained.then(go, go);
      },
      flush() {},
      end: () => {
        const late = this.#lateFields(head?.head());
        intake.commit(late).then(
          () => answer(Status.success, late),
          () => answer(Status.outOfResources, late),
        );
      },
      lost: ({ errorType }: AssociationError) => {
        intake.discard();
        this.#tell(stored, { errorType, dataSetBytes, head: head?.head() });
      },
    };
  }

  /** What we cannot do for another; told when the whole request is here. */
  #refuse(stored: Stored, isWhole = !stored.request.hasDataSet): DataSetSink | undefined {
    const command = stored.request;
    if (command.commandField === CommandField.cCancelRq) return undefined;
    // Only one that was on its way when the destination failed: later ones are answered by the performer.
    if (command.commandField === CommandField.cEchoRq) return this.#answerAtEnd(stored, Status.success, isWhole);
    return this.#answerAtEnd(stored, refusalOf(command.commandField), isWhole);
  }

  #answerAtEnd(stored: Stored, code: number, isWhole = !stored.request.hasDataSet): DataSetSink | undefined {
    let dataSetBytes = 0;
    const answer = () => {
      stored.respond(responseTo(stored.request, code));
      this.#tell(stored, { code, dataSetBytes });
    };
    if (isWhole) {
      answer();
      return undefined;
    }
    return {
      piece: (buffer, start, end) => {
        dataSetBytes += end - start;
        stored.reading?.push(buffer.subarray(start, end));
      },
      flush() {},
      end: answer,
      lost: ({ errorType }) => this.#tell(stored, { errorType, dataSetBytes }),
    };
  }

  #lateFields(head: InstanceHead | undefined): LateFields {
    const { traceparent, context } = this.#options;
    const trace = traceparent?.(head?.studyInstanceUid, context.serverAssociationId);
    return {
      ...(head?.studyInstanceUid === undefined ? {} : { studyInstanceUid: head.studyInstanceUid }),
      ...(head?.seriesInstanceUid === undefined ? {} : { seriesInstanceUid: head.seriesInstanceUid }),
      ...(head?.modality === undefined ? {} : { modality: head.modality }),
      ...(trace === undefined ? {} : { traceparent: trace }),
    };
  }

  #tell(stored: Stored, { code, errorType, dataSetBytes, head, traceparent, spooledAt }: Told): void {
    const { context, clock, publish } = this.#options;
    const now = clock.now();
    const { request } = stored;
    const isFailure = code === undefined || statusClass(code) === 'failure';
    publish({
      type: 'operation.ended',
      serverAssociationId: context.serverAssociationId,
      clientAssociationId: undefined,
      invokedBy: 'requestor',
      operation: operationName(request) ?? 'unknown',
      messageId: request.messageId ?? 0,
      destinationId: context.destinationId,
      callingAeTitle: context.callingAeTitle,
      calledAeTitle: context.calledAeTitle,
      sopClassUid: request.affectedSopClassUid ?? request.requestedSopClassUid,
      sopInstanceUid: request.affectedSopInstanceUid ?? request.requestedSopInstanceUid,
      transferSyntaxUid: context.transferSyntaxes.get(stored.contextId),
      requestInAt: stored.receivedAt,
      commandInAt: stored.commandInAt,
      requestOutAt: undefined,
      requestEndAt: code === undefined ? undefined : now,
      responseInAt: undefined,
      responseOutAt: code === undefined ? undefined : now,
      endedAt: now,
      status: code,
      statusClass: code === undefined ? undefined : statusClass(code),
      errorType: errorType ?? (isFailure ? failureOf(request, code) : undefined),
      ours: code !== undefined && isFailure,
      disposition: spooledAt === undefined ? 'refused' : 'spooled',
      dataSetBytes,
      pendingResponses: 0,
      head,
      traceparent,
      spooledAt,
      relayAttempt: stored.relayAttempt,
      ...(code === undefined ? {} : stored.reading?.told),
    });
  }
}

/** Why we answered with a failure. Only the spool is ever out of resources for an instance; what else we cannot do is nobody's failure. */
function failureOf({ commandField }: CommandSet, code: number | undefined): ErrorType {
  return commandField === CommandField.cStoreRq && code === Status.outOfResources ? 'spool_failure' : 'status_failure';
}

/** "Not now" in the words of each service: PS3.4 tables C.4-1, C.4-2 and C.4-3, PS3.7 C.5. */
function refusalOf(commandField: number | undefined): number {
  switch (commandField) {
    case CommandField.cFindRq:
      return Status.outOfResources;
    case CommandField.cMoveRq:
    case CommandField.cGetRq:
      return Status.outOfResourcesUnableToPerformSuboperations;
    default:
      return Status.resourceLimitation;
  }
}

function operationName(request: CommandSet): OperationName | undefined {
  return commandName(request.commandField ?? 0) as OperationName | undefined;
}

/** What has no name, or no bytes, can never be delivered, nor asked for. */
function isNameless(request: CommandSet): boolean {
  return !request.hasDataSet || (request.affectedSopInstanceUid ?? '') === '';
}

interface Stored {
  readonly request: CommandSet;
  readonly contextId: number;
  readonly receivedAt: number;
  readonly commandInAt: number;
  readonly respond: (response: CommandSet) => void;
  /** Of an operation that was on its way to the destination. */
  readonly relayAttempt: RelayAttempt | undefined;
  readonly reading: DataSetReading | undefined;
}

interface Told {
  /** The status answered; undefined: the modality was gone before. */
  readonly code?: number;
  readonly errorType?: ErrorType;
  readonly dataSetBytes: number;
  readonly head?: InstanceHead | undefined;
  readonly traceparent?: string | undefined;
  readonly spooledAt?: number | undefined;
}
