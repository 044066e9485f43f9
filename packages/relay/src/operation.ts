import type { EpochMs, OperationName, Suboperations } from '@radiotracer/telemetry';
import type { CommandSet } from '@radiotracer/wire';
import type { DataSetReading } from './data-set-reading.ts';
import type { InstanceHeadReader } from './head-of-instance.ts';
import type { Retention } from './retention.ts';

/** A DIMSE operation that was invoked and has not been answered finally. Filled in as it goes through the pair. */
export interface Operation {
  readonly name: OperationName;
  readonly contextId: number;
  readonly request: CommandSet;
  /** Only of C-STOREs that can be taken over. */
  readonly retention: Retention | undefined;
  readonly messageId: number;
  readonly invokedBy: 'requestor' | 'acceptor';
  readonly sopClassUid: string | undefined;
  readonly sopInstanceUid: string | undefined;
  readonly transferSyntaxUid: string | undefined;
  readonly requestInAt: EpochMs;
  readonly commandInAt: EpochMs;
  requestOutAt: EpochMs | undefined;
  requestEndAt: EpochMs | undefined;
  /** When the peer that shall answer last gave a sign of life for it: the end of the request, a pending response. */
  waitingSince: EpochMs | undefined;
  /** It was answered, by an answer that is better given by us. */
  isWithheld: boolean;
  responseInAt: EpochMs | undefined;
  responseOutAt: EpochMs | undefined;
  status: number | undefined;
  dataSetBytes: number;
  pendingResponses: number;
  readonly headReader: InstanceHeadReader | undefined;
  /** Of the request's data set. */
  readonly reading: DataSetReading | undefined;
  suboperations: Suboperations | undefined;
}
