import type { Destination } from '@radiotracer/config';
import type { Envelope } from '@radiotracer/instance';
import type { Publish } from '@radiotracer/telemetry';
import {
  AssociationError,
  type AssociationErrorType,
  type Clock,
  type DataSetPieces,
  type ProposedContext,
  Requestor,
  type RequestorOptions,
  refusedAbstractSyntaxes,
  type Transport,
} from '@radiotracer/upper-layer';
import { CommandField, type CommandSet, commandSet } from '@radiotracer/wire';
import { AssociationLog, self } from './association-log.ts';
import type { ForwarderPorts } from './ports.ts';

/** What a presentation context is proposed for: exactly one transfer syntax, because the data set will not be encoded anew. */
export type ContextFacts = Pick<Envelope, 'abstractSyntaxUid' | 'transferSyntaxUid'>;

export type ContextAnswer =
  | { readonly id: number }
  /** The result of PS3.8 table 9-18; undefined: not answered, or accepted with a transfer syntax that was not proposed. */
  | { readonly refused: number | undefined };

export interface StoreAssociationOptions {
  readonly destination: Destination;
  readonly connect: (destination: Destination) => Transport;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  /** The first 128 different ones are proposed (PS3.8 9.3.2.2: ids are odd, to 255). */
  readonly contexts: Iterable<ContextFacts>;
  readonly responseMs: number;
  readonly limits: RequestorOptions['limits'];
  readonly clock: Clock;
  readonly publish: Publish;
  readonly negotiated: ForwarderPorts['negotiated'];
}

const maxContexts = 128;
const maxMessageId = 0xffff;

/** An association by which we store, one instance after another. */
export class StoreAssociation {
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  /** Answers other than "out of resources" that came on it. */
  productive = 0;
  readonly #options: StoreAssociationOptions;
  readonly #contexts = new Map<string, ProposedContext>();
  readonly #log: AssociationLog;
  #operations = 0;
  #transport: Transport | undefined;
  #requestor: Requestor | undefined;
  #messageId = 0;

  constructor(options: StoreAssociationOptions) {
    this.#options = options;
    this.callingAeTitle = options.callingAeTitle;
    this.calledAeTitle = options.calledAeTitle;
    this.#log = new AssociationLog(options.publish, options.clock);
    for (const facts of options.contexts) {
      const key = contextKey(facts);
      if (this.#contexts.has(key)) continue;
      if (this.#contexts.size === maxContexts) break;
      const id = this.#contexts.size * 2 + 1;
      this.#contexts.set(key, { id, abstractSyntax: facts.abstractSyntaxUid, transferSyntaxes: [facts.transferSyntaxUid] });
    }
  }

  /** As telemetry knows it. */
  get id(): string {
    return this.#log.id;
  }

  /** Once. @throws AssociationError */
  async open(): Promise<void> {
    const { destination, connect, limits, clock, callingAeTitle, calledAeTitle, responseMs, negotiated } = this.#options;
    this.#transport = connect(destination);
    this.#log.opened({ destination, callingAeTitle, calledAeTitle, proposedContexts: this.#contexts.size });
    const { dimseResponseMs, storeResponseMs: _, ...timeouts } = destination.timeouts;
    try {
      this.#requestor = await Requestor.open({
        transport: this.#transport,
        peer: `${destination.host}:${destination.port}`,
        callingAeTitle,
        calledAeTitle,
        contexts: [...this.#contexts.values()],
        timeouts: { ...timeouts, dimseMs: dimseResponseMs === 0 ? responseMs : dimseResponseMs },
        limits,
        clock,
      });
      const { ac, agreed } = this.#requestor;
      negotiated?.(destination.id, [...this.#contexts.values()], ac);
      const refusedSopClasses = refusedAbstractSyntaxes(this.#contexts.values(), agreed);
      this.#log.accepted(ac, { acceptedContexts: agreed.size, refusedSopClasses }, this.#transport.tls?.());
    } catch (error) {
      this.#log.ended(error, 0, this.#transport);
      throw error;
    }
  }

  get usable(): boolean {
    return this.#requestor !== undefined && this.#requestor.error === undefined;
  }

  /** Bytes that the transport has not taken yet. */
  get unsentBytes(): number {
    return this.#requestor?.bufferedBytes ?? 0;
  }

  /** What was proposed, for an association to follow this one. */
  get proposed(): readonly ContextFacts[] {
    return [...this.#contexts.values()].map(({ abstractSyntax, transferSyntaxes: [transferSyntax = ''] }) => ({
      abstractSyntaxUid: abstractSyntax,
      transferSyntaxUid: transferSyntax,
    }));
  }

  /** Undefined: it was not proposed here. */
  answerTo(facts: ContextFacts): ContextAnswer | undefined {
    const context = this.#contexts.get(contextKey(facts));
    const requestor = this.#requestor;
    if (context === undefined || requestor === undefined) return undefined;
    if (requestor.agreed.get(context.id) === facts.transferSyntaxUid) return { id: context.id };
    const answer = requestor.ac.items.find((item) => item.kind === 'presentation-context-ac' && item.id === context.id);
    return { refused: answer?.kind === 'presentation-context-ac' && answer.result !== 0 ? answer.result : undefined };
  }

  /**
   * The response. PS3.7 9.1.1.
   * @throws AssociationError; its cause is the data set's own error if that could not be read to its end
   */
  async store(contextId: number, envelope: Envelope, dataSet: DataSetPieces): Promise<CommandSet> {
    if (this.#requestor === undefined) throw new AssociationError('internal', 'the association is not open');
    this.#operations++;
    this.#messageId = this.#messageId === maxMessageId ? 1 : this.#messageId + 1;
    const request = commandSet({
      commandField: CommandField.cStoreRq,
      messageId: this.#messageId,
      priority: envelope.priority ?? 0,
      affectedSopClassUid: envelope.sopClassUid,
      affectedSopInstanceUid: envelope.sopInstanceUid,
      moveOriginatorAeTitle: envelope.moveOriginatorAeTitle,
      moveOriginatorMessageId: envelope.moveOriginatorMessageId,
      hasDataSet: true,
    });
    return await this.#requestor.invoke(contextId, request, dataSet);
  }

  /** Never rejects: everything was answered already. */
  async release(): Promise<void> {
    let error: unknown = this.#requestor?.error;
    if (this.usable) {
      await this.#requestor?.release().catch((failure: unknown) => {
        error = failure;
      });
    }
    this.#log.ended(error, this.#operations, this.#transport);
  }

  /** At once; what is being waited for rejects. */
  abort(): void {
    const before = this.#requestor?.error;
    if (this.#requestor === undefined) this.#transport?.socket.destroy();
    else if (this.usable) this.#requestor.abort();
    this.#log.ended(before ?? self, this.#operations, this.#transport);
  }
}

/** Anything thrown, as one of the closed list. */
export function errorTypeOf(error: unknown): AssociationErrorType {
  return error instanceof AssociationError ? error.errorType : 'internal';
}

/** A connection was had, and the association was neither accepted nor refused: whether to these titles or to anybody, nobody knows. */
export function isSilence(error: unknown): boolean {
  return ['connection_closed', 'connection_reset', 'associate_timeout'].includes(errorTypeOf(error));
}

/** What its presentation service provider says: congestion, local limit. PS3.8 9.3.4. */
export function isCongestion(error: unknown): boolean {
  return error instanceof AssociationError && error.rejection?.source === 3;
}

/**
 * Refused for good as far as the destination says: it is there, and does not want us under these titles. What its presentation
 * service provider says (source 3: congestion, local limit) passes, whatever it calls itself.
 */
export function isPermanentRejection(error: unknown): boolean {
  const rejection = error instanceof AssociationError ? error.rejection : undefined;
  return rejection !== undefined && rejection.result === 1 && rejection.source !== 3;
}

function contextKey({ abstractSyntaxUid, transferSyntaxUid }: ContextFacts): string {
  return `${abstractSyntaxUid}\n${transferSyntaxUid}`;
}
