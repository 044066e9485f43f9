/**
 * Goes on without the destination, in the modality's own association:
 *
 *   before the destination has answered   we accept what it would have accepted, and perform from the start
 *   after                                 the contexts stay as agreed; what was in flight goes on into the store, mid-byte if need be
 *
 * Nothing but the modality's association is touched here: the pair ends the other one.
 */

import type { Limits, Timeouts } from '@radiotracer/config';
import type { InstanceStore } from '@radiotracer/instance';
import type { ErrorType, Publish } from '@radiotracer/telemetry';
import {
  type Association,
  acceptContexts,
  agreedContexts,
  associateResponse,
  type Clock,
  leavesRoom,
  type MessageAssembler,
  Performer,
} from '@radiotracer/upper-layer';
import { type AssociateAc, type AssociateRq, encodePdu } from '@radiotracer/wire';
import { type AssociationRequestor, onlyReceived, proposedAbstractSyntaxes } from './agreement.ts';
import { type Capabilities, isService } from './capability.ts';
import type { DataSetWants } from './data-set-reading.ts';
import type { OperationContext, TakeOverPolicy } from './operation-log.ts';
import type { Relaying } from './relaying.ts';
import { Retention, RetentionBudget } from './retention.ts';
import type { RouteDecision } from './route.ts';
import { type Failed, StandIn, type TraceparentOf } from './stand-in.ts';
import type { SwitchSink } from './switch-sink.ts';

/** What take-overs need of their surroundings. */
export interface TakeOverPorts {
  readonly store: InstanceStore;
  readonly capabilities: Capabilities;
  /** Bytes that one association may keep in memory for its C-STOREs in flight. */
  readonly retainBytes: number;
  /** Of the process. */
  readonly budget: RetentionBudget;
  /** A destination that is known to be down is not waited for. */
  isDown(destinationId: string): boolean;
  /** Told how destinations fare: undefined when one answered, otherwise why it did not. */
  fared(destinationId: string, errorType: string | undefined): void;
  /** Undefined: instances are kept without trace context. */
  readonly traceparent?: TraceparentOf;
}

export interface TakeOverOptions {
  readonly ports: TakeOverPorts;
  readonly decision: RouteDecision;
  readonly requestor: AssociationRequestor;
  readonly server: Association;
  readonly serverAssociationId: string;
  readonly sourceAddress: string;
  /** What the modality sends goes where this points. */
  readonly fromModality: SwitchSink;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly publish: Publish;
  readonly dataSets: DataSetWants | undefined;
}

/** What we announce when we answer for a destination that cannot. */
const maxPduBytes = 128 * 1024;

/** Instances being synced at once, of one association. */
const maxOpenRequests = 64;

export class TakeOver {
  readonly #options: TakeOverOptions;
  #standIn: StandIn | undefined;
  #performer: Performer | undefined;
  #agreed: ReadonlyMap<number, string> = new Map();

  constructor(options: TakeOverOptions) {
    this.#options = options;
  }

  /** Performs in the destination's place; undefined until it is so. */
  get performer(): Performer | undefined {
    return this.#performer;
  }

  /** Operations that came after the take-over. */
  get operations(): number {
    return this.#standIn?.count ?? 0;
  }

  /** Whether storage is kept when the destination fails, just now. Not of a modality that nothing can be said to: it would have no answer. */
  get possible(): boolean {
    const { decision, ports, requestor } = this.#options;
    const { onFailure, mode } = decision.route;
    return (onFailure === 'spool' || mode === 'store-and-forward') && leavesRoom(requestor.maxPduBytes) && ports.store.accepting;
  }

  /** How long the destination is waited for: a modality that is to notice nothing must have its answer within the time of a C-STORE. */
  get timeouts(): Timeouts {
    const { timeouts } = this.#options.decision.destination;
    const { associateMs, storeResponseMs } = timeouts;
    if (!this.possible || storeResponseMs === 0 || (associateMs !== 0 && associateMs <= storeResponseMs)) return timeouts;
    return { ...timeouts, associateMs: storeResponseMs };
  }

  /** Whether the destination is not to be asked at all. */
  atOnce(rq: AssociateRq): boolean {
    const { decision, ports } = this.#options;
    const { route, destination } = decision;
    if (ports.isDown(destination.id)) return true;
    const received = onlyReceived(rq);
    const proposed = [...proposedAbstractSyntaxes(rq).values()].filter((abstractSyntax) => !received.has(abstractSyntax));
    return route.mode === 'store-and-forward' && ports.capabilities.suffice(destination.id, proposed, route);
  }

  /** The destination has accepted: from now on its C-STOREs in flight are kept, where this route keeps them. */
  accompany(rq: AssociateRq, ac: AssociateAc, agreed: ReadonlyMap<number, string>): TakeOverPolicy | undefined {
    const { decision, ports, server } = this.#options;
    const contexts = rq.items.filter((item) => item.kind === 'presentation-context-rq');
    ports.capabilities.learn(decision.destination.id, contexts, ac);
    const answered = () => ports.fared(decision.destination.id, undefined);
    if (decision.route.onFailure !== 'spool') {
      answered();
      return undefined;
    }
    const standIn = this.#prepare(rq, agreed);
    const budget = new RetentionBudget(ports.retainBytes, { parent: ports.budget });
    return {
      retain: (contextId, request, receivedAt) =>
        new Retention(budget, (provisionally) => standIn.begin(contextId, request, receivedAt, provisionally)),
      answered,
      withholds: (status) => isRetryable(status) && this.possible && server.maySend,
    };
  }

  /** Accepts in the destination's place. False: there is nothing that we could accept. `failed`: undefined when it was not asked. */
  fromStart(
    rq: AssociateRq,
    accepted: (ac: AssociateAc, agreed: ReadonlyMap<number, string>) => void,
    failed: Failed | undefined,
  ): boolean {
    const { decision, ports, server } = this.#options;
    if (!this.possible) return false;
    const { route, destination } = decision;
    // What is stored first, though the destination is there: of its services it would be said "not now" for ever.
    const isByChoice = failed === undefined && !ports.isDown(destination.id);
    const contexts = acceptContexts(rq, (abstractSyntax, transferSyntaxes) =>
      isByChoice && isService(abstractSyntax, route)
        ? undefined
        : ports.capabilities.choose(destination.id, abstractSyntax, transferSyntaxes, route),
    );
    if (!contexts.some(({ result }) => result === 0)) return false;
    const ac = associateResponse(rq, contexts, maxPduBytes);
    this.#perform(this.#prepare(rq, agreedContexts(ac)), undefined);
    server.accept(encodePdu(ac));
    accepted(ac, this.#agreed);
    const down = route.mode === 'store-and-forward' ? undefined : 'circuit_open';
    this.#tell('before', failed?.errorType ?? down, failed?.clientAssociationId, 0);
    return true;
  }

  /** Goes on from wherever the association stands. False: that cannot be. */
  fromHere({ toDestination, toModality, operations }: Relaying, failed: Failed): boolean {
    const standIn = this.#standIn;
    // Half a message of the destination's has gone out: nobody else can finish it.
    if (standIn === undefined || !this.possible || !this.#options.server.maySend || toModality.midOutput) return false;
    toModality.giveUp();
    const performer = this.#perform(standIn, toDestination.handOver());
    const inFlight = operations.handOver();
    this.#tell('within', failed.errorType, failed.clientAssociationId, inFlight.filter(({ retention }) => retention !== undefined).length);
    for (const operation of inFlight) {
      const sink = standIn.adopt(operation, performer.adopt(operation.contextId), failed);
      if (sink !== undefined) performer.goOnWith(sink);
    }
    performer.resume();
    return true;
  }

  #tell(
    when: 'before' | 'within',
    errorType: ErrorType | undefined,
    clientAssociationId: string | undefined,
    storesInFlight: number,
  ): void {
    const { decision, requestor, clock, publish, serverAssociationId } = this.#options;
    publish({
      type: 'association.taken_over',
      serverAssociationId,
      clientAssociationId,
      destinationId: decision.destination.id,
      routeId: decision.route.id,
      callingAeTitle: requestor.callingAeTitle,
      calledAeTitle: requestor.calledAeTitle,
      at: clock.now(),
      when,
      errorType,
      storesInFlight,
    });
  }

  #prepare(rq: AssociateRq, agreed: ReadonlyMap<number, string>): StandIn {
    const { decision, ports, requestor, clock, publish, serverAssociationId, sourceAddress, dataSets } = this.#options;
    this.#agreed = agreed;
    const context: OperationContext = {
      serverAssociationId,
      clientAssociationId: undefined,
      destinationId: decision.destination.id,
      callingAeTitle: requestor.callingAeTitle,
      calledAeTitle: requestor.calledAeTitle,
      transferSyntaxes: this.#agreed,
      dataSets,
    };
    this.#standIn = new StandIn({
      store: ports.store,
      traceparent: ports.traceparent,
      context,
      envelope: {
        routeId: decision.route.id,
        destinationId: decision.destination.id,
        callingAeTitle: decision.route.rewriteCallingAet ?? context.callingAeTitle,
        calledAeTitle: decision.destination.aet ?? context.calledAeTitle,
        sourceAddress,
      },
      abstractSyntaxes: proposedAbstractSyntaxes(rq, agreed),
      clock,
      publish,
    });
    return this.#standIn;
  }

  #perform(standIn: StandIn, assembler: MessageAssembler | undefined): Performer {
    const { requestor, server, limits, fromModality } = this.#options;
    const performer = new Performer(
      {
        association: server,
        agreed: this.#agreed,
        peerMaxPduBytes: requestor.maxPduBytes,
        limits: { ...limits, maxOpenRequests },
        ...(assembler === undefined ? {} : { assembler }),
      },
      standIn,
    );
    standIn.holds(performer);
    this.#performer = performer;
    fromModality.to = performer;
    return performer;
  }
}

/** Statuses of a C-STORE-RSP after which the same instance may succeed later: PS3.4 B.2.3 (A7xx), and 0122 of a PACS in trouble. */
function isRetryable(status: number): boolean {
  return (status & 0xff00) === 0xa700 || status === 0x0122;
}
