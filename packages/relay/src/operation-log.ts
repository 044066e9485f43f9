/**
 * Follows the DIMSE operations of one pair, in both directions, and publishes each when it is over. Reads along only: nothing here
 * decides what passes.
 */

import type { ErrorType, OperationName, Publish } from '@radiotracer/telemetry';
import type { Clock } from '@radiotracer/upper-layer';
import { type CommandSet, commandName, statusClass, WireError } from '@radiotracer/wire';
import { InstanceHeadReader } from './head-of-instance.ts';
import type { Tap } from './link.ts';
import type { Operation } from './operation.ts';
import { Outstanding } from './outstanding.ts';

/** A peer that has more unanswered requests than this is not served any further. */
const maxOutstandingOperations = 4096;

/** What all operations of a pair have in common. */
export interface OperationContext {
  readonly serverAssociationId: string;
  readonly clientAssociationId: string;
  readonly destinationId: string;
  /** Trimmed, as the server side saw them. */
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  /** By presentation context ID: the transfer syntax that was agreed. */
  readonly transferSyntaxes: ReadonlyMap<number, string>;
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
  #count = 0;

  constructor(context: OperationContext, clock: Clock, publish: Publish) {
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

  /** Operations that wait for an answer now. */
  get outstanding(): number {
    return this.#outstanding.requestor.size + this.#outstanding.acceptor.size;
  }

  /** Since when the longest waiting operation has had no sign of life (ms since the epoch); undefined: none waits. */
  get waitingSince(): number | undefined {
    let oldest: number | undefined;
    for (const side of [this.#outstanding.requestor, this.#outstanding.acceptor]) {
      for (const { waitingSince } of side) {
        if (waitingSince !== undefined && (oldest === undefined || waitingSince < oldest)) oldest = waitingSince;
      }
    }
    return oldest;
  }

  /** The association is over: what was not answered never will be. */
  end(errorType: ErrorType, ours: boolean): void {
    const endedAt = this.#clock.now();
    for (const side of [this.#outstanding.requestor, this.#outstanding.acceptor]) {
      for (const operation of [...side]) {
        side.settle(operation);
        this.#tell(operation, endedAt, errorType, ours);
      }
    }
  }

  #tap(side: 'requestor' | 'acceptor', mine: Outstanding, theirs: Outstanding): Tap {
    let request: Operation | undefined;
    let head: InstanceHeadReader | undefined;
    const begun: Operation[] = [];
    const answered: Operation[] = [];
    return {
      command: (contextId, command, beganAt) => {
        request = undefined;
        head = undefined;
        if (command.isResponse) {
          const operation = theirs.find(command.messageIdBeingRespondedTo ?? -1);
          if (operation !== undefined && this.#answer(operation, command)) {
            theirs.settle(operation);
            answered.push(operation);
          }
          return;
        }
        const name = commandName(command.commandField ?? 0);
        // C-CANCEL is no operation of its own (PS3.7 9.3.2.3).
        if (name === 'C-CANCEL') return;
        if (mine.size >= maxOutstandingOperations) {
          throw new WireError('message-malformed', `more than ${maxOutstandingOperations} requests wait for an answer`, 0);
        }
        const transferSyntaxUid = this.#context.transferSyntaxes.get(contextId);
        if (name === 'C-STORE') head = new InstanceHeadReader(transferSyntaxUid ?? '');
        request = this.#operation(side, name as OperationName | undefined, command, transferSyntaxUid, beganAt, head);
        if (!command.hasDataSet) this.#requestEnded(request);
        mine.add(request);
        begun.push(request);
      },
      handedOn: () => {
        const now = this.#clock.now();
        for (const operation of begun.splice(0)) operation.requestOutAt = now;
        for (const operation of answered.splice(0)) {
          operation.responseOutAt = now;
          this.#tell(operation, now, undefined, false);
        }
      },
      data: (buffer, start, end) => {
        if (request === undefined) return;
        request.dataSetBytes += end - start;
        if (head !== undefined && !head.done) head.push(buffer.subarray(start, end));
      },
      dataEnd: () => {
        if (request !== undefined) this.#requestEnded(request);
      },
    };
  }

  #operation(
    side: 'requestor' | 'acceptor',
    name: OperationName | undefined,
    command: CommandSet,
    transferSyntaxUid: string | undefined,
    beganAt: number,
    head: InstanceHeadReader | undefined,
  ): Operation {
    this.#count++;
    return {
      name: name ?? 'unknown',
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
      responseInAt: undefined,
      responseOutAt: undefined,
      status: undefined,
      dataSetBytes: 0,
      pendingResponses: 0,
      readHead: head === undefined ? undefined : () => head.head(),
    };
  }

  #requestEnded(operation: Operation): void {
    const now = this.#clock.now();
    operation.requestEndAt = now;
    operation.waitingSince = now;
  }

  /** True when it was the final response. */
  #answer(operation: Operation, response: CommandSet): boolean {
    const status = response.status ?? 0;
    const now = this.#clock.now();
    if (statusClass(status) === 'pending') {
      operation.pendingResponses++;
      operation.waitingSince = now;
      return false;
    }
    operation.status = status;
    operation.responseInAt = now;
    return true;
  }

  #tell(operation: Operation, endedAt: number, errorType: ErrorType | undefined, ours: boolean): void {
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
      errorType: errorType ?? (status === 'failure' ? 'status_failure' : undefined),
      ours,
      dataSetBytes: operation.dataSetBytes,
      pendingResponses: operation.pendingResponses,
      head: operation.readHead?.(),
    });
  }
}
