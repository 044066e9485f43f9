/**
 * An association that we open ourselves, and the DIMSE operations that we invoke on it, one at a time.
 *
 *   const requestor = await Requestor.open({...});
 *   const { command } = await requestor.invoke(1, commandSet({...}));
 *   await requestor.release();
 */
import {
  type AssociateAc,
  type CommandSet,
  decodePdu,
  encodeCommandSet,
  type PduReaderLimits,
  PdvControl,
  pdataHeader,
} from '@radiotracer/wire';
import { associateRequest, type ProposedContext } from './associate-request.ts';
import { Association, type AssociationTimeouts } from './association.ts';
import { AssociationError } from './association-error.ts';
import type { AssociationUser } from './association-user.ts';
import type { Clock, Timer } from './clock.ts';
import { MessageAssembler, type MessageLimits } from './message-assembler.ts';
import type { PdataSink } from './pdata-sink.ts';
import { rejectText } from './reject-text.ts';
import type { Transport } from './transport.ts';

export interface RequestorOptions {
  readonly transport: Transport;
  /** For messages: `10.1.2.3:104`. */
  readonly peer: string;
  readonly calledAeTitle: string;
  readonly callingAeTitle: string;
  readonly contexts: readonly ProposedContext[];
  readonly timeouts: AssociationTimeouts & {
    /** From a request's end to its response, and between two responses; 0: no limit. */
    readonly dimseMs: number;
  };
  readonly limits: PduReaderLimits & MessageLimits;
  readonly clock: Clock;
}

interface Settle<T> {
  resolve(value: T): void;
  reject(error: AssociationError): void;
}

/** What we take in one P-DATA-TF; our own answers to read are short. */
const maxPduBytes = 128 * 1024;

export class Requestor {
  readonly #association: Association;
  readonly #options: RequestorOptions;
  readonly #assembler: MessageAssembler;
  #ac: AssociateAc | undefined;
  #opening: Settle<void> | undefined;
  #answering: Settle<CommandSet> | undefined;
  #releasing: Settle<void> | undefined;
  #closed = Promise.withResolvers<void>();
  #error: AssociationError | undefined;
  #timer: Timer | undefined;

  /** Opens an association; rejects with AssociationError. */
  static async open(options: RequestorOptions): Promise<Requestor> {
    const requestor = new Requestor(options);
    await new Promise<void>((resolve, reject) => {
      requestor.#opening = { resolve, reject };
      requestor.#association.request(associateRequest({ ...options, maxPduBytes }));
    });
    return requestor;
  }

  private constructor(options: RequestorOptions) {
    this.#options = options;
    this.#assembler = new MessageAssembler(
      { command: (_contextId, command) => this.#answered(command), data() {}, dataEnd() {} },
      options.limits,
    );
    this.#association = new Association({ ...options, role: 'requestor' }, this.#user());
  }

  /** What the peer agreed to. */
  get ac(): AssociateAc {
    if (this.#ac === undefined) throw new AssociationError('internal', 'the association is not open');
    return this.#ac;
  }

  /** Invokes an operation without a data set and waits for its final response. */
  invoke(contextId: number, request: CommandSet): Promise<CommandSet> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) return reject(this.#error);
      this.#answering = { resolve, reject };
      const bytes = encodeCommandSet(request);
      this.#association.cork();
      this.#association.send(pdataHeader(contextId, PdvControl.command | PdvControl.last, bytes.length));
      this.#association.send(bytes);
      this.#association.uncork();
      this.#await();
    });
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

  /** Ends the association by A-ABORT. */
  abort(): void {
    this.#association.abort({ source: 0, reason: 0 });
  }

  #await(): void {
    this.#timer?.cancel();
    const { dimseMs } = this.#options.timeouts;
    if (dimseMs === 0) return;
    this.#timer = this.#options.clock.setTimer(() => {
      this.abort();
      this.#lost(new AssociationError('dimse_timeout', `no response in ${dimseMs} ms (${this.#options.peer})`));
    }, dimseMs);
  }

  #answered(response: CommandSet): void {
    // Only final responses end an operation; FF00 and FF01 say that more is coming (PS3.7 annex C).
    if (response.status === 0xff00 || response.status === 0xff01) {
      this.#await();
      return;
    }
    this.#timer?.cancel();
    const answering = this.#answering;
    this.#answering = undefined;
    answering?.resolve(response);
  }

  #lost(error: AssociationError): void {
    this.#timer?.cancel();
    this.#error ??= error;
    for (const waiting of [this.#opening, this.#answering, this.#releasing]) waiting?.reject(error);
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
      associateAccepted: (bytes) => {
        const ac = decodePdu(bytes);
        if (ac.kind !== 'A-ASSOCIATE-AC') return;
        this.#ac = ac;
        this.#opening?.resolve();
      },
      associateRejected: (rj) => this.#lost(new AssociationError('rejected', `${rejectText(rj[7], rj[8], rj[9])} (${peer})`)),
      releaseIndication: () => this.#association.releaseResponse(),
      releaseConfirmation: () => this.#releasing?.resolve(),
      abortIndication: ({ source, reason }) =>
        this.#lost(new AssociationError('aborted', `the peer aborted the association: source ${source}, reason ${reason} (${peer})`)),
      providerAbort: (error) => this.#lost(error),
      drained() {},
      closed: () => this.#closed.resolve(),
    };
  }
}
