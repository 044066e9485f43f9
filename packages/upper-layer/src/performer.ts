/**
 * The performing half of an association (PS3.7 7: the DIMSE service user that performs operations): requests and their data sets go to a
 * handler, its responses go back. Works on any established association, whoever negotiated it.
 *
 *   association ══P-DATA══> assembler ──message──> handler ──data set's sink
 *   association <──────────────── respond ──────────┘
 *
 * Not read further are peers that do not take their responses, and those with more requests open than the limit.
 */
import { CommandField, type CommandSet, Status, statusClass, WireError } from '@radiotracer/wire';
import type { Association } from './association.ts';
import type { AssociationError } from './association-error.ts';
import { MessageAssembler, type MessageLimits, type MessageSink } from './message-assembler.ts';
import { MessageSender } from './message-sender.ts';
import type { PdataSink } from './pdata-sink.ts';
import type { Lease } from './read-buffer.ts';
import { responseTo } from './response-to.ts';

/** A request of the peer. */
export interface ReceivedMessage {
  readonly contextId: number;
  /** Agreed for the context: the encoding of the data set. */
  readonly transferSyntax: string;
  readonly command: CommandSet;
  /** Sends a response without a data set, on the message's own context. Dropped when the association is over. */
  respond(response: CommandSet): void;
}

/** Takes the data set of one message, as it comes. */
export interface DataSetSink {
  /**
   * Bytes `buffer.subarray(start, end)`, never empty. The memory is used again after `flush` or `end`: what shall outlive that is
   * copied, or its lease held.
   */
  piece(buffer: Uint8Array, start: number, end: number, lease: Lease): void;
  /** No more pieces of this chunk: the moment to hand on what was gathered. */
  flush(): void;
  /** The data set is whole. Nothing follows. */
  end(): void;
  /** Told instead of `end`: the data set will never be whole. */
  lost(error: AssociationError): void;
}

export interface MessageHandler {
  /**
   * A request's command set is whole; where `command.hasDataSet`, the data set goes to the sink returned, and to nobody without one.
   * C-ECHO is answered already and not told; C-CANCEL is told. What it throws aborts the association; a WireError says why.
   */
  message(message: ReceivedMessage): DataSetSink | undefined;
}

export interface PerformerLimits extends MessageLimits {
  /** Requests received and not finally answered, past which the association is not read. 0: no limit. */
  readonly maxOpenRequests: number;
}

export interface PerformerOptions {
  readonly association: Association;
  /** Transfer syntax by context id. */
  readonly agreed: ReadonlyMap<number, string>;
  /** The maximum length that the peer announced; 0: none. */
  readonly peerMaxPduBytes: number;
  readonly limits: PerformerLimits;
  /** One that has read the association so far, and may stand inside a message. Left out: nothing was read. */
  readonly assembler?: MessageAssembler;
}

/** Responses that the peer has not taken; past it, no more requests are read. */
const maxUnsentBytes = 128 * 1024;

export class Performer implements PdataSink {
  readonly #association: Association;
  readonly #agreed: ReadonlyMap<number, string>;
  readonly #maxOpenRequests: number;
  /** Somebody else performed before, and may have asked something of the peer. */
  readonly #isSuccessor: boolean;
  readonly #handler: MessageHandler;
  readonly #sender: MessageSender;
  readonly #assembler: MessageAssembler;
  #sink: DataSetSink | undefined;
  #openRequests = 0;
  #allAnswered: (() => void) | undefined;
  #paused = false;
  #unsent = false;
  #ended = false;

  constructor(options: PerformerOptions, handler: MessageHandler) {
    this.#association = options.association;
    this.#agreed = options.agreed;
    this.#maxOpenRequests = options.limits.maxOpenRequests;
    this.#isSuccessor = options.assembler !== undefined;
    this.#handler = handler;
    this.#sender = new MessageSender(options.association, options.peerMaxPduBytes);
    const sink: MessageSink = {
      command: (contextId, command) => this.#command(contextId, command),
      data: (buffer, start, end) => this.#sink?.piece(buffer, start, end, this.#association.chunkLease),
      dataEnd: () => {
        const ended = this.#sink;
        this.#sink = undefined;
        ended?.end();
        this.#settle();
      },
    };
    this.#assembler = options.assembler ?? new MessageAssembler(sink, options.limits);
    this.#assembler.handTo(sink);
  }

  /** Takes on a request that came before this performer did, in the order of their coming. Returns what answers it. */
  adopt(contextId: number): (response: CommandSet) => void {
    this.#openRequests++;
    return this.#responder(contextId);
  }

  /** Takes the rest of the data set that `options.assembler` stands in. */
  goOnWith(sink: DataSetSink): void {
    this.#sink = sink;
  }

  /** Whether a message has begun and is not whole: a release here is a protocol error. */
  get midMessage(): boolean {
    return this.#assembler.midMessage;
  }

  /** The peer asks no more, for it has asked for release: `tell` is called when all that it asked is answered. */
  whenAllAnswered(tell: () => void): void {
    this.#allAnswered = tell;
    this.#tellIfAllAnswered();
  }

  /** No more is read until `resume`; what has been read already (a chunk, 256 KiB at most) is still told. */
  pause(): void {
    this.#paused = true;
    this.#settle();
  }

  resume(): void {
    this.#paused = false;
    this.#settle();
  }

  /** The transport has taken what was too much. */
  drained(): void {
    this.#unsent = false;
    this.#settle();
  }

  /** The association is over, with or without a release. `error`: why a data set that is half here will not be whole. */
  end(error: AssociationError): void {
    this.#ended = true;
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.lost(error);
  }

  pdata(): void {}

  pdv(_buffer: Uint8Array, _start: number, _end: number, contextId: number, control: number): void {
    if (!this.#agreed.has(contextId))
      throw new WireError('message-malformed', `a message came on presentation context ${contextId}, which was not accepted`, 6);
    this.#assembler.pdv(contextId, control);
  }

  fragment(buffer: Uint8Array, start: number, end: number): void {
    this.#assembler.fragment(buffer, start, end);
  }

  pdvEnd(): void {
    this.#assembler.pdvEnd();
  }

  pdataEnd(): void {}

  flush(): void {
    this.#sink?.flush();
  }

  #command(contextId: number, command: CommandSet): void {
    if (command.commandField === undefined) throw new WireError('message-malformed', 'a command set has no command field', 6);
    // What was asked by whoever is gone is answered to nobody.
    if (command.isResponse && this.#isSuccessor) return;
    if (command.isResponse) throw new WireError('message-malformed', 'a response came to a request that was never made', 2);
    if (command.commandField === CommandField.cEchoRq) {
      this.#send(contextId, responseTo(command, Status.success));
      return;
    }
    // C-CANCEL asks for no response of its own (PS3.7 9.3.2.3).
    if (command.commandField !== CommandField.cCancelRq) this.#openRequests++;
    const transferSyntax = this.#agreed.get(contextId) ?? '';
    const sink = this.#handler.message({ contextId, transferSyntax, command, respond: this.#responder(contextId) });
    this.#sink = command.hasDataSet ? sink : undefined;
    this.#settle();
  }

  #responder(contextId: number): (response: CommandSet) => void {
    let answered = false;
    return (response) => {
      if (answered) return;
      answered = statusClass(response.status ?? 0) !== 'pending';
      if (answered) this.#openRequests--;
      this.#send(contextId, response);
      this.#tellIfAllAnswered();
    };
  }

  #tellIfAllAnswered(): void {
    const tell = this.#allAnswered;
    if (tell === undefined || this.#openRequests > 0) return;
    this.#allAnswered = undefined;
    // Whoever answered last has something to say of it first.
    queueMicrotask(() => {
      if (!this.#ended) tell();
    });
  }

  #send(contextId: number, response: CommandSet): void {
    this.#sender.command(contextId, response);
    this.#unsent = this.#association.bufferedBytes > maxUnsentBytes;
    this.#settle();
  }

  #settle(): void {
    if (this.#ended) return;
    // The last request that may be open is read to its end.
    const limit = this.midMessage ? this.#maxOpenRequests + 1 : this.#maxOpenRequests;
    const full = this.#maxOpenRequests > 0 && this.#openRequests >= limit;
    if (this.#paused || this.#unsent || full) this.#association.pause();
    else this.#association.resume();
  }
}
