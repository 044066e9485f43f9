/**
 * An association that we open ourselves, and the DIMSE operations that we invoke on it, one at a time.
 *
 *   const requestor = await Requestor.open({...});
 *   const response = await requestor.invoke(1, commandSet({...}), dataSetPieces);
 *   await requestor.release();
 */
import {
  type AssociateAc,
  CommandField,
  type CommandSet,
  decodePdu,
  type PduReaderLimits,
  Status,
  statusClass,
  WireError,
} from '@radiotracer/wire';
import { associateRequest, type ProposedContext } from './associate-request.ts';
import { agreedContexts, maxPduBytesOf } from './associate-response.ts';
import { Association } from './association.ts';
import { AssociationError } from './association-error.ts';
import type { AssociationUser } from './association-user.ts';
import type { Clock, Timer } from './clock.ts';
import { rejectionOf } from './fixed-pdus.ts';
import { MessageAssembler, type MessageLimits } from './message-assembler.ts';
import { type DataSetPieces, MessageSender } from './message-sender.ts';
import type { PdataSink } from './pdata-sink.ts';
import { rejectText } from './reject-text.ts';
import { responseTo } from './response-to.ts';
import type { AssociationTimeouts } from './state-timer.ts';
import type { Transport } from './transport.ts';

export interface RequestorOptions {
  readonly transport: Transport;
  /** For messages: `10.1.2.3:104`. */
  readonly peer: string;
  readonly calledAeTitle: string;
  readonly callingAeTitle: string;
  readonly contexts: readonly ProposedContext[];
  /** What we announce to take in one P-DATA-TF; 0: no limit. Default {@link requestorMaxPduBytes}. */
  readonly maxPduBytes?: number;
  readonly timeouts: AssociationTimeouts & {
    /**
     * From a request's end to its response, between two responses, and how long the peer may not take what is buffered for it; 0: no
     * limit.
     */
    readonly dimseMs: number;
  };
  readonly limits: PduReaderLimits & MessageLimits;
  readonly clock: Clock;
  /** Undefined: a peer that invokes something itself has its association aborted. */
  readonly events?: EventReports;
}

interface Settle<T> {
  resolve(value: T): void;
  reject(error: AssociationError): void;
}

/** The operation being invoked. It is over when its request has been sent whole and its final response is here, in either order. */
interface Operation extends Settle<CommandSet> {
  readonly request: CommandSet;
  sent: boolean;
  response: CommandSet | undefined;
  /** Undefined: what pending responses carry is of no interest. */
  readonly pending: PendingResponses | undefined;
}

/** Takes what comes with the pending responses of a query, one after the other. */
export interface PendingResponses {
  /** A longer data set ends the association. */
  readonly maxBytes: number;
  /** Must not throw. */
  readonly take: (dataSet: Uint8Array) => void;
}

/** Takes the N-EVENT-REPORTs that the peer invokes on our association, the roles being as we proposed them (PS3.7 10.1.1). */
export interface EventReports {
  /** A longer data set ends the association. */
  readonly maxBytes: number;
  /** Returns the status of the response. `dataSet`: empty where none came. Must not throw. */
  readonly take: (report: CommandSet, dataSet: Uint8Array, transferSyntaxUid: string) => number;
}

/** The answers that we read are short. */
export const requestorMaxPduBytes = 128 * 1024;

/** Unsent past it, no more of a data set is taken from its source. More than a socket's high-water mark, so that `drained` follows. */
const maxBufferedBytes = 128 * 1024;

export class Requestor {
  readonly #association: Association;
  readonly #options: RequestorOptions;
  readonly #assembler: MessageAssembler;
  #ac: AssociateAc | undefined;
  #agreed: ReadonlyMap<number, string> = new Map();
  #sender: MessageSender | undefined;
  #opening: Settle<void> | undefined;
  #operation: Operation | undefined;
  /** The data set of a pending response, or of an event report, as it comes. */
  #identifier: Identifier | undefined;
  #draining: Settle<void> | undefined;
  #releasing: Settle<void> | undefined;
  #closed = Promise.withResolvers<void>();
  #error: AssociationError | undefined;
  #timer: Timer | undefined;

  /** Opens an association; rejects with AssociationError. */
  static async open(options: RequestorOptions): Promise<Requestor> {
    const requestor = new Requestor(options);
    const { maxPduBytes = requestorMaxPduBytes } = options;
    await new Promise<void>((resolve, reject) => {
      requestor.#opening = { resolve, reject };
      requestor.#association.request(associateRequest({ ...options, maxPduBytes }));
    });
    return requestor;
  }

  private constructor(options: RequestorOptions) {
    this.#options = options;
    this.#assembler = new MessageAssembler(
      {
        command: (contextId, command) => this.#command(contextId, command),
        data: (buffer, start, end) => this.#identifier?.push(buffer, start, end),
        dataEnd: () => this.#identifier?.end(),
      },
      options.limits,
    );
    this.#association = new Association({ ...options, role: 'requestor' }, this.#user());
  }

  /** What the peer agreed to. */
  get ac(): AssociateAc {
    if (this.#ac === undefined) throw new AssociationError('internal', 'the association is not open');
    return this.#ac;
  }

  /** The transfer syntax of every accepted context, by context id. */
  get agreed(): ReadonlyMap<number, string> {
    return this.#agreed;
  }

  /** Why nothing more can be invoked; undefined while the association is open. */
  get error(): AssociationError | undefined {
    return this.#error;
  }

  /** The transport is gone. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Bytes that the transport has not taken yet. */
  get bufferedBytes(): number {
    return this.#association.bufferedBytes;
  }

  /**
   * Invokes an operation and waits until its request is sent whole and its final response is here. `dataSet` goes with a request that
   * announces one (`hasDataSet`); it is read as the peer takes it. `pending` takes the data sets of pending responses (C-FIND).
   *
   * Rejects with AssociationError when the association ends before; after a data set that could not be read to its end, too, because
   * half a message cannot be taken back: the association is aborted, and the error's cause is the data set's.
   */
  async invoke(contextId: number, request: CommandSet, dataSet?: DataSetPieces, pending?: PendingResponses): Promise<CommandSet> {
    if (this.#error !== undefined) throw this.#error;
    const sender = this.#sender;
    if (sender === undefined || this.#operation !== undefined || this.#releasing !== undefined)
      throw new AssociationError('internal', 'one operation at a time, on an open association');
    if (!this.#agreed.has(contextId)) throw new AssociationError('internal', `presentation context ${contextId} was not accepted`);
    if (request.hasDataSet !== (dataSet !== undefined)) throw new AssociationError('internal', 'a request and its data set do not match');
    const { promise, resolve, reject } = Promise.withResolvers<CommandSet>();
    const operation: Operation = { request, resolve, reject, sent: false, response: undefined, pending };
    this.#operation = operation;
    if (dataSet === undefined) {
      sender.command(contextId, request);
      this.#sent(operation);
    } else
      sender
        .message(contextId, request, dataSet, () => this.#flow())
        .then(
          () => this.#sent(operation),
          (cause) => this.#cut(cause),
        );
    return await promise;
  }

  /** Releases the association and waits until the transport is closed. */
  async release(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      if (this.#error !== undefined) return reject(this.#error);
      this.#releasing = { resolve, reject };
      this.#association.releaseRequest();
    });
    await this.#closed.promise;
  }

  /** Ends the association by A-ABORT; what is being waited for rejects. */
  abort(): void {
    this.#association.abort({ source: 0, reason: 0 });
    this.#lost(new AssociationError('aborted', `we aborted the association (${this.#options.peer})`));
  }

  /** Whether the next P-DATA-TF has to wait for the peer. */
  #flow(): Promise<void> | undefined {
    if (this.#error !== undefined) throw this.#error;
    if (this.#association.bufferedBytes <= maxBufferedBytes) return undefined;
    this.#limit('the peer took nothing');
    return new Promise((resolve, reject) => {
      this.#draining = { resolve, reject };
    });
  }

  #drained(): void {
    if (this.#draining === undefined) return;
    this.#timer?.cancel();
    this.#draining.resolve();
    this.#draining = undefined;
  }

  #sent(operation: Operation): void {
    if (this.#operation !== operation) return;
    operation.sent = true;
    if (operation.response === undefined) this.#limit('no response');
    else this.#finish(operation, operation.response);
  }

  /** The data set ended before its end: of its own, or because the association did. */
  #cut(cause: unknown): void {
    if (this.#error !== undefined) return;
    this.#association.abort({ source: 0, reason: 0 });
    this.#lost(new AssociationError('internal', `a data set could not be read to its end (${this.#options.peer})`, { cause }));
  }

  #limit(what: string): void {
    this.#timer?.cancel();
    const { dimseMs } = this.#options.timeouts;
    if (dimseMs === 0) return;
    this.#timer = this.#options.clock.setTimer(() => {
      this.#association.abort({ source: 0, reason: 0 });
      this.#lost(new AssociationError('dimse_timeout', `${what} in ${dimseMs} ms (${this.#options.peer})`));
    }, dimseMs);
  }

  #command(contextId: number, command: CommandSet): void {
    this.#identifier = undefined;
    const { events } = this.#options;
    if (events === undefined || command.commandField !== CommandField.nEventReportRq) {
      this.#answered(command);
      return;
    }
    // Our response to it would come in the middle of our own message.
    if (this.#operation !== undefined && !this.#operation.sent)
      throw new WireError('message-malformed', 'an event report came before our request had gone out', 2);
    const take = (dataSet: Uint8Array) => {
      const status = events.take(command, dataSet, this.#agreed.get(contextId) ?? '');
      this.#sender?.command(contextId, responseTo(command, status, { eventTypeId: command.eventTypeId }));
    };
    if (command.hasDataSet) this.#identifier = new Identifier({ maxBytes: events.maxBytes, take });
    else take(new Uint8Array(0));
  }

  #answered(response: CommandSet): void {
    const operation = this.#operation;
    const { request } = operation ?? {};
    // A response to something else must never pass for the answer to this.
    if (
      operation?.response !== undefined ||
      request === undefined ||
      response.commandField !== ((request.commandField ?? 0) | 0x8000) ||
      response.messageIdBeingRespondedTo !== request.messageId
    ) {
      throw new WireError('message-malformed', 'a command came that is not the response to our request', 2);
    }
    if (statusClass(response.status ?? Status.processingFailure) === 'pending') {
      if (operation?.sent) this.#limit('no further response');
      if (operation?.pending !== undefined && response.hasDataSet) this.#identifier = new Identifier(operation.pending);
      return;
    }
    if (operation === undefined) return;
    if (operation.sent) this.#finish(operation, response);
    else operation.response = response;
  }

  #finish(operation: Operation, response: CommandSet): void {
    this.#timer?.cancel();
    this.#operation = undefined;
    operation.resolve(response);
  }

  #lost(error: AssociationError): void {
    this.#timer?.cancel();
    if (this.#error !== undefined) return;
    this.#error = error;
    for (const waiting of [this.#opening, this.#operation, this.#draining, this.#releasing]) waiting?.reject(error);
  }

  #accepted(bytes: Uint8Array): void {
    const ac = decodePdu(bytes);
    if (ac.kind !== 'A-ASSOCIATE-AC') throw new WireError('pdu-malformed', 'an A-ASSOCIATE-AC was expected', 2);
    this.#sender = new MessageSender(this.#association, maxPduBytesOf(ac));
    this.#ac = ac;
    this.#agreed = agreedContexts(ac);
    this.#opening?.resolve();
  }

  #user(): AssociationUser {
    const assembler = this.#assembler;
    const data: PdataSink = {
      pdata() {},
      pdv: (_buffer, _start, _end, contextId, control) => assembler.pdv(contextId, control),
      fragment: (buffer, start, end) => assembler.fragment(buffer, start, end),
      pdvEnd: () => assembler.pdvEnd(),
      pdataEnd() {},
      flush() {},
    };
    const { peer } = this.#options;
    return {
      data,
      associateIndication() {},
      associateAccepted: (ac) => this.#accepted(ac),
      associateRejected: (rj) => {
        const rejection = rejectionOf(rj);
        this.#lost(new AssociationError('rejected', `${rejectText(rejection)} (${peer})`, { rejection }));
      },
      releaseIndication: () => {
        this.#association.releaseResponse();
        if (this.#releasing === undefined)
          this.#lost(new AssociationError('connection_closed', `the peer released the association (${peer})`));
      },
      releaseConfirmation: () => this.#releasing?.resolve(),
      abortIndication: (abort) => {
        const what = `the peer aborted the association: source ${abort.source}, reason ${abort.reason}`;
        this.#lost(new AssociationError('aborted', `${what} (${peer})`, { abort }));
      },
      providerAbort: (error) => this.#lost(error),
      drained: () => this.#drained(),
      closed: () => {
        // Nobody is left waiting, whatever came before; after a release this finds nobody.
        this.#lost(new AssociationError('connection_closed', `the connection was closed (${peer})`));
        this.#closed.resolve();
      },
    };
  }
}

/** Gathers one data set; the memory of its pieces is used again. */
class Identifier {
  readonly #pending: PendingResponses;
  readonly #pieces: Uint8Array[] = [];
  #lengthBytes = 0;

  constructor(pending: PendingResponses) {
    this.#pending = pending;
  }

  push(buffer: Uint8Array, start: number, end: number): void {
    this.#lengthBytes += end - start;
    const { maxBytes } = this.#pending;
    if (this.#lengthBytes > maxBytes) throw new WireError('message-malformed', `a data set is longer than ${maxBytes} bytes`, 6);
    this.#pieces.push(Uint8Array.prototype.slice.call(buffer, start, end));
  }

  end(): void {
    this.#pending.take(Buffer.concat(this.#pieces, this.#lengthBytes));
  }
}
