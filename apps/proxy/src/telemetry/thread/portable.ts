import type { OperationEnded, TelemetryEvent } from '@radiotracer/telemetry';

/** An event as it can be sent to another thread: values read out, and nothing of the data sets that telemetry does not look at. */
export function portable(event: TelemetryEvent): TelemetryEvent {
  return event.type === 'operation.ended' ? portableOperation(event) : event;
}

function portableOperation(event: OperationEnded): OperationEnded {
  const { head } = event;
  return {
    ...event,
    dataSet: undefined,
    responseDataSet: undefined,
    head:
      head === undefined
        ? undefined
        : {
            sopClassUid: head.sopClassUid,
            sopInstanceUid: head.sopInstanceUid,
            studyInstanceUid: head.studyInstanceUid,
            seriesInstanceUid: head.seriesInstanceUid,
            modality: head.modality,
            numberOfFrames: head.numberOfFrames,
          },
  };
}
