import { InstanceHeadReader } from '@radiotracer/relay';
import type { OperationEnded } from '@radiotracer/telemetry';
import { type Part10, readPart10 } from '../fixtures/part10.ts';

/** A file, as the relay would tell that it was sent, ten milliseconds after the one before. */
export function sentPart10(file: Part10, index: number, start: number): OperationEnded {
  const reader = new InstanceHeadReader(file.transferSyntaxUid);
  reader.push(file.dataSet);
  const at = start + index * 10;
  const times = { requestInAt: at, commandInAt: at, requestOutAt: at, requestEndAt: at, responseInAt: at, responseOutAt: at, endedAt: at };
  return {
    ...{ type: 'operation.ended', serverAssociationId: 'a', clientAssociationId: 'c', invokedBy: 'requestor', operation: 'C-STORE' },
    ...{ messageId: index, destinationId: 'pacs', callingAeTitle: 'SCANNER', calledAeTitle: 'PROXY', ...times },
    ...{ sopClassUid: file.sopClassUid, sopInstanceUid: file.sopInstanceUid, transferSyntaxUid: file.transferSyntaxUid },
    ...{ status: 0, statusClass: 'success', errorType: undefined, ours: false, disposition: 'relayed', pendingResponses: 0 },
    dataSetBytes: file.dataSet.length,
    head: reader.head(file.dataSet.length),
  };
}

export function sentFile(bytes: Uint8Array, index: number, start: number): OperationEnded {
  const file = readPart10(Buffer.from(bytes));
  if (file === undefined) throw new Error('not a Part 10 file');
  return sentPart10(file, index, start);
}
