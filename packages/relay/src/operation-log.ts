/**
 * Follows the DIMSE operations of one pair, in both directions, and publishes each when it is over. Reads along only: nothing here
 * decides what passes.
 */

import type { ErrorType, OperationName, Publish } from '@radiotracer/telemetry';
import type { Clock } from '@radiotracer/upper-layer';
import { type CommandSet, commandName, statusClass, WireError } from '@radiotracer/wire';
import { type DataSetReading, type DataSetWants, readingOf, WholeDataSet } from './data-set-reading.ts';
import { InstanceHeadReader } from './head-of-instance.ts';
import type { Tap } from './link.ts';
import type { Operation } from './operation.ts';
import { Outstanding } from './outstanding.ts';
import type { Retention } from './retention.ts';

/** A peer that has more unanswered requests than this is not served any further. */
const maxOutstandingOperations = 4096;

/** Whole data sets are kept until the answer: of so many unanswered requests of a side, and no more. Most peers wait for each answer. */
const maxReadWhole = 8;

/** What all operations of a pair have in common. */
export interface OperationContext {
  readonly serverAssociationId: string;
  /** Undefined where nothing was opened. */
  readonly clientAssociationId: string | undefined;
  readonly destinationId: string;
  /** Trimmed, as the server side saw them. */
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  /** By presentation context ID: the transfer syntax that was agreed. */
  readonly transferSyntaxes: ReadonlyMap<number, string>;
  /** Undefined: nothing is read but heads. */
  readonly dataSets?: DataSetWants | undefined;
}

/** How C-STOREs in flight can be taken over. */
export interface TakeOverPolicy {
  /** A place for the bytes of a C-STORE that begins. */
  retain(contextId: number, request: CommandSet, receivedAt: number): Retention;
  /** The destination has answered finally, whatever it said: it is not one that accepts associations and then is silent. */
  answered(): void;
  /** Whether an answer with this status is better given by us. When it says so, the answer is withheld and the take-over follows. */
  withholds(status: number): boolean;
}

/** How long a destination may take. Milliseconds; 0: without end. */
export interface ResponseLimits {
  readonly dimseResponseMs: number;
  /** For a C-STORE that can be taken over. */
  readonly storeResponseMs: number;
}

/** The end of the wait for an answer (ms since the epoch), and who owes it. */
export interface Patience {
  readonly by: 'destination' | 'modality';
  readonly endsAt: number;
}

export class OperationLog {
  /** For the link from the requestor to the acceptor. */
  readonly fromRequestor: Tap;
  /** For the link from the acceptor to the requestor. */
  readonly fromAcceptor: Tap;
  readonly #context: OperationContext;
  readonly #clock: Clock;
  readonly #publish: Publish;
  readonly #outstanding: { readonly requestor: Outstanding; readonly acceptor: Outstanding };
  readonly #policy: TakeOverPolicy | undefined;
  /** Answered, but for the data set of the answer, which is read. */
  #answering: { readonly operation: Operation; readonly reading: WholeDataSet } | undefined;
  #count = 0;
  #lastAnswerAt = 0;

  /** `policy`: undefined where nothing is taken over. */
  constructor(context: OperationContext, clock: Clock, publish: Publish, policy: TakeOverPolicy | undefined) {
    this.#policy = policy;
    this.#context = context;
    this.#clock = clock;
    this.#publish = publish;
    this.#outstanding = { requestor: new Outstanding(), acceptor: new Outstanding() };
    this.fromRequestor = this.#tap('requestor', this.#outstanding.requestor, this.#outstanding.acceptor);
    this.fromAcceptor = this.#tap('acceptor', this.#outstanding.acceptor, this.#outstanding.requestor);
  }

  /** Operations begun so far. */
  get count(): number {
    return this.#count;
  }

  /** Whether the requestor waits for an answer: to a request that is whole. */
  get isAnswerOwed(): boolean {
    for (const { requestEndAt } of this.#outstanding.requestor) if (requestEndAt !== undefined) return true;
    return false;
  }

  /**
   * When the wait for an answer is over, and whose it is; undefined: nothing is waited for. A destination that answers other requests meanwhile is
   * alive: then the wait begins anew. While the modality owes it answers itself, or takes none, what it owes is not waited for. `stalledSince`: since
   * when it has taken nothing of what is sent to it. `takesAnswers`: the modality takes what it sends.
   */
  patienceEnds(limits: ResponseLimits, stalledSince: number | undefined, takesAnswers: boolean): Patience | undefined {
    const { dimseResponseMs, storeResponseMs } = limits;
    let earliest: Patience | undefined;
    const wait = (by: Patience['by'], since: number | undefined, limitMs: number) => {
      if (since === undefined || limitMs === 0) return;
      const endsAt = since + limitMs;
      if (earliest === undefined || endsAt < earliest.endsAt) earliest = { by, endsAt };
    };
    const sinceAlive = ({ waitingSince }: Operation) =>
      waitingSince === undefined ? undefined : Math.max(waitingSince, this.#lastAnswerAt);
    wait('destination', stalledSince, dimseResponseMs);
    for (const operation of this.#outstanding.acceptor) wait('modality', sinceAlive(operation), dimseResponseMs);
    for (const operation of this.#outstanding.requestor) {
      const { retention } = operation;
      const isOwed = takesAnswers && (retention !== undefined || this.#outstanding.acceptor.size === 0);
      const since = operation.waitingSince === undefined ? stalledSince : isOwed ? sinceAlive(operation) : undefined;
      wait('destination', since, retention === undefined ? dimseResponseMs : storeResponseMs);
    }
    return earliest;
  }

  /** The association is over: what was not answered never will be. */
  end(errorType: ErrorType, ours: boolean): void {
    const endedAt = this.#clock.now();
    this.#tellAnswering();
    for (const side of [this.#outstanding.requestor, this.#outstanding.acceptor]) {
      for (const operation of [...side]) {
        side.settle(operation);
        operation.retention?.release();
        this.#tell(operation, endedAt, errorType, ours);
      }
    }
  }

  /** What the requestor waits for, in the order of coming, for another to answer; it is not followed here any more. */
  handOver(): readonly Operation[] {
    this.#tellAnswering();
    const operations = [...this.#outstanding.requestor].sort((a, b) => a.requestInAt - b.requestInAt);
    for (const operation of operations) this.#outstanding.requestor.settle(operation);
    return operations;
  }

  #tap(side: 'requestor' | 'acceptor', mine: Outstanding, theirs: Outstanding): Tap {
    let request: Operation | undefined;
    let head: InstanceHeadReader | undefined;
    let reading: DataSetReading | undefined;
    let answerEnded = false;
    const begun: Operation[] = [];
    const answered: Operation[] = [];
    /** Read when the chunk has gone on: the destination need not wait for it. */
    const unread: (InstanceHeadReader | DataSetReading)[] = [];
    return {
      command: (contextId, command, beganAt) => {
        request = undefined;
        head = undefined;
        reading = undefined;
        if (command.isResponse) {
          const operation = theirs.find(command);
          if (operation === undefined) return 'pass';
          operation.isWithheld = operation.retention !== undefined && this.#policy?.withholds(command.status ?? 0) === true;
          if (operation.isWithheld) {
            operation.status = command.status;
            return 'withhold';
          }
          if (this.#answer(operation, command)) {
            theirs.settle(operation);
            operation.retention?.release();
            reading = this.#answerReading(operation, command);
            if (reading === undefined) answered.push(operation);
          }
          return 'pass';
        }
        const name = commandName(command.commandField ?? 0);
        // C-CANCEL is no operation of its own (PS3.7 9.3.2.3).
        if (name === 'C-CANCEL') return 'pass';
        if (mine.size >= maxOutstandingOperations) {
          throw new WireError('message-malformed', `more than ${maxOutstandingOperations} requests wait for an answer`, 0);
        }
        const transferSyntaxUid = this.#context.transferSyntaxes.get(contextId);
        if (name === 'C-STORE') head = new InstanceHeadReader(transferSyntaxUid ?? '');
        const retention =
          name === 'C-STORE' && side === 'requestor' && command.hasDataSet ? this.#policy?.retain(contextId, command, beganAt) : undefined;
        request = this.#operation(side, name as OperationName | undefined, contextId, command, transferSyntaxUid, beganAt, head, retention);
        reading = request.reading;
        if (!command.hasDataSet) this.#requestEnded(request);
        mine.add(request);
        begun.push(request);
        return 'pass';
      },
      handedOn: () => {
        if (begun.length > 0 || answered.length > 0) {
          const now = this.#clock.now();
          for (const operation of begun) operation.requestOutAt = now;
          for (const operation of answered) {
            operation.responseOutAt = now;
            this.#tell(operation, now, undefined, false);
          }
          begun.length = 0;
          answered.length = 0;
        }
        for (const late of unread) late.catchUp();
        unread.length = 0;
        if (answerEnded) this.#tellAnswering();
        answerEnded = false;
      },
      data: (buffer, start, end, lease) => {
        if (reading !== undefined) {
          reading.pushLater(buffer, start, end);
          if (unread.at(-1) !== reading && unread.at(-2) !== reading) unread.push(reading);
        }
        if (request === undefined) return undefined;
        request.dataSetBytes += end - start;
        if (head !== undefined && !head.done) {
          head.pushLater(buffer, start, end);
          if (unread.at(-1) !== head) unread.push(head);
        }
        return request.retention?.append(buffer, start, end, lease);
      },
      dataEnd: () => {
        if (request !== undefined) this.#requestEnded(request);
        else if (reading !== undefined) answerEnded = true;
        reading = undefined;
      },
    };
  }

  #operation(
    side: 'requestor' | 'acceptor',
    name: OperationName | undefined,
    contextId: number,
    command: CommandSet,
    transferSyntaxUid: string | undefined,
    beganAt: number,
    head: InstanceHeadReader | undefined,
    retention: Retention | undefined,
  ): Operation {
    this.#count++;
    const isRead = command.hasDataSet && (name === 'C-STORE' || this.#outstanding[side].readWhole < maxReadWhole);
    return {
      name: name ?? 'unknown',
      contextId,
      request: command,
      retention,
      messageId: command.messageId ?? 0,
      invokedBy: side,
      sopClassUid: command.affectedSopClassUid ?? command.requestedSopClassUid,
      sopInstanceUid: command.affectedSopInstanceUid ?? command.requestedSopInstanceUid,
      transferSyntaxUid,
      requestInAt: beganAt,
      commandInAt: this.#clock.now(),
      requestOutAt: undefined,
      requestEndAt: undefined,
      waitingSince: undefined,
      isWithheld: false,
      responseInAt: undefined,
      responseOutAt: undefined,
      status: undefined,
      dataSetBytes: 0,
      pendingResponses: 0,
      headReader: head,
      reading: isRead ? readingOf(name, this.#context.dataSets) : undefined,
      suboperations: undefined,
    };
  }

  #requestEnded(operation: Operation): void {
    const now = this.#clock.now();
    operation.requestEndAt = now;
    operation.waitingSince = now;
  }

  /** True when it was the final response. */
  #answer(operation: Operation, response: CommandSet): boolean {
    const { status } = response;
    const now = this.#clock.now();
    this.#lastAnswerAt = now;
    if (status !== undefined && statusClass(status) === 'pending') {
      operation.pendingResponses++;
      operation.waitingSince = now;
      return false;
    }
    operation.status = status;
    operation.responseInAt = now;
    if (operation.name === 'C-MOVE' || operation.name === 'C-GET') {
      operation.suboperations = {
        remaining: response.numberOfRemainingSuboperations,
        completed: response.numberOfCompletedSuboperations,
        failed: response.numberOfFailedSuboperations,
        warning: response.numberOfWarningSuboperations,
      };
    }
    if (operation.invokedBy === 'requestor') this.#policy?.answered();
    return true;
  }

  /** The answer's data set is read too (the list of what failed): then the operation is told when that has passed. */
  #answerReading(operation: Operation, response: CommandSet): WholeDataSet | undefined {
    const wants = this.#context.dataSets;
    if (operation.suboperations === undefined || !response.hasDataSet || !wants?.wholeOf.has(operation.name)) return undefined;
    this.#tellAnswering();
    const reading = new WholeDataSet(wants.maxBytes);
    this.#answering = { operation, reading };
    return reading;
  }

  #tellAnswering(): void {
    const answering = this.#answering;
    if (answering === undefined) return;
    this.#answering = undefined;
    const now = this.#clock.now();
    answering.operation.responseOutAt = now;
    this.#tell(answering.operation, now, undefined, false, answering.reading.bytes);
  }

  #tell(operation: Operation, endedAt: number, errorType: ErrorType | undefined, ours: boolean, answer?: Uint8Array): void {
    const { reading, requestEndAt } = operation;
    const status = operation.status === undefined ? undefined : statusClass(operation.status);
    this.#publish({
      type: 'operation.ended',
      serverAssociationId: this.#context.serverAssociationId,
      clientAssociationId: this.#context.clientAssociationId,
      invokedBy: operation.invokedBy,
      operation: operation.name,
      messageId: operation.messageId,
      destinationId: this.#context.destinationId,
      callingAeTitle: this.#context.callingAeTitle,
      calledAeTitle: this.#context.calledAeTitle,
      sopClassUid: operation.sopClassUid,
      sopInstanceUid: operation.sopInstanceUid,
      transferSyntaxUid: operation.transferSyntaxUid,
      requestInAt: operation.requestInAt,
      commandInAt: operation.commandInAt,
      requestOutAt: operation.requestOutAt,
      requestEndAt: operation.requestEndAt,
      responseInAt: operation.responseInAt,
      responseOutAt: operation.responseOutAt,
      endedAt,
      status: operation.status,
      statusClass: status,
      // No status is no success.
      errorType: errorType ?? (status === undefined ? 'protocol_error' : status === 'failure' ? 'status_failure' : undefined),
      ours,
      disposition: 'relayed',
      dataSetBytes: operation.dataSetBytes,
      pendingResponses: operation.pendingResponses,
      head: operation.headReader?.head(operation.dataSetBytes),
      ...(requestEndAt === undefined ? {} : reading?.told),
      ...(operation.suboperations === undefined ? {} : { suboperations: operation.suboperations, responseDataSet: answer }),
    });
  }
}
