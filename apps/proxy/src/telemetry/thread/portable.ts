import type { InstanceHead } from '@radiotracer/instance';
import type { OperationEnded, TelemetryEvent } from '@radiotracer/telemetry';

/** An event as it can be sent to another thread: values read out, and nothing of the data sets that telemetry does not look at. */
export function portable(event: TelemetryEvent): TelemetryEvent {
  return event.type === 'operation.ended' ? portableOperation(event) : event;
}

/** Values of a head are read when they are asked for, and so asked by name. */
export function portableHead(head: InstanceHead): InstanceHead {
  return {
    sopClassUid: head.sopClassUid,
    sopInstanceUid: head.sopInstanceUid,
    studyInstanceUid: head.studyInstanceUid,
    seriesInstanceUid: head.seriesInstanceUid,
    modality: head.modality,
    numberOfFrames: head.numberOfFrames,
  };
}

function portableOperation(event: OperationEnded): OperationEnded {
  const head = event.head === undefined ? undefined : portableHead(event.head);
  return { ...event, dataSet: undefined, responseDataSet: undefined, head };
}
