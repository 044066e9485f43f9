/** The messages of a pair whose association is agreed: a one-way link each way, what they say of operations, and how long an answer may take. */
import type { Destination, Limits } from '@radiotracer/config';
import type { Publish } from '@radiotracer/telemetry';
import type { Association, Clock } from '@radiotracer/upper-layer';
import type { AssociateAc } from '@radiotracer/wire';
import { type AssociationRequestor, type UserInformation, userInformation } from './agreement.ts';
import type { DataSetWants } from './data-set-reading.ts';
import { Link } from './link.ts';
import { OperationLog, type Patience, type TakeOverPolicy } from './operation-log.ts';
import { ResponseWatch } from './response-watch.ts';

export interface RelayingOptions {
  /** The modality's association, and who asked for it. */
  readonly server: Association;
  readonly serverAssociationId: string;
  readonly requestor: AssociationRequestor;
  /** The destination's, and what it granted. */
  readonly client: Association;
  readonly clientAssociationId: string;
  readonly ac: AssociateAc;
  /** What it accepted: transfer syntaxes by presentation context. */
  readonly contexts: ReadonlyMap<number, string>;
  readonly destination: Destination;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly publish: Publish;
  readonly dataSets: DataSetWants | undefined;
  /** What is kept of C-STOREs in flight. Undefined: nothing. */
  readonly policy: TakeOverPolicy | undefined;
  /** A response of the destination's is not for the modality: the association is to be taken over. */
  readonly withheld: () => void;
  /** It has not answered for too long. */
  readonly timedOut: (by: Patience['by']) => void;
}

export class Relaying {
  /** Transfer syntaxes by presentation context. */
  readonly contexts: ReadonlyMap<number, string>;
  readonly acceptor: UserInformation;
  readonly operations: OperationLog;
  readonly toDestination: Link;
  readonly toModality: Link;
  readonly #watch: ResponseWatch;

  constructor(options: RelayingOptions) {
    const { server, client, requestor, ac, contexts, destination, limits, clock } = options;
    this.contexts = contexts;
    this.acceptor = userInformation(ac);
    this.operations = new OperationLog(
      {
        serverAssociationId: options.serverAssociationId,
        clientAssociationId: options.clientAssociationId,
        destinationId: destination.id,
        callingAeTitle: requestor.callingAeTitle,
        calledAeTitle: requestor.calledAeTitle,
        transferSyntaxes: contexts,
        dataSets: options.dataSets,
      },
      clock,
      options.publish,
      options.policy,
    );
    const common = { contexts, limits, clock };
    this.toDestination = new Link({
      ...{ ...common, source: server, target: client, targetMaxPduBytes: this.acceptor.maxPduBytes },
      tap: this.operations.fromRequestor,
    });
    this.toModality = new Link({
      ...{ ...common, source: client, target: server, targetMaxPduBytes: requestor.maxPduBytes },
      tap: this.operations.fromAcceptor,
      withheld: options.withheld,
    });
    this.#watch = new ResponseWatch({
      ...{ clock, limits: destination.timeouts, timedOut: options.timedOut },
      stalledSince: () => this.toDestination.stalledSince(),
      patienceEnds: (patience, stalledSince) =>
        this.operations.patienceEnds(patience, stalledSince, this.toModality.stalledSince() === undefined),
    });
  }

  /** Whether anything is waited for of the destination: an answer, or that it takes what is sent to it. */
  get isDestinationOwing(): boolean {
    return this.operations.isAnswerOwed || this.toDestination.stalledSince() !== undefined;
  }

  /** No answer is waited for any more. */
  stopWaiting(): void {
    this.#watch.cancel();
  }
}
