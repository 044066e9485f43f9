import type { InstanceHead } from '@radiotracer/instance';
import type { EpochMs, OperationName } from '@radiotracer/telemetry';

/** A DIMSE operation that was invoked and has not been answered finally. Filled in as it goes through the pair. */
export interface Operation {
  readonly name: OperationName;
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
  responseInAt: EpochMs | undefined;
  responseOutAt: EpochMs | undefined;
  status: number | undefined;
  dataSetBytes: number;
  pendingResponses: number;
  readHead: (() => InstanceHead) | undefined;
}
