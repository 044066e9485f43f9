/** What telemetry is told of a spooled instance, by its envelope or by what the schedule knows of it. */
import type { Envelope } from '@radiotracer/instance';
import type { NewEntry } from '@radiotracer/queue';
import type { DeliveryDeadLettered, SpooledInstanceFacts } from '@radiotracer/telemetry';

export function factsOf(envelope: Envelope): SpooledInstanceFacts {
  const { id, routeId, destinationId, callingAeTitle, calledAeTitle, sopClassUid, sopInstanceUid, transferSyntaxUid } = envelope;
  const { studyInstanceUid, seriesInstanceUid, modality, dataSetBytes, receivedAt, traceparent } = envelope;
  return {
    ...{ instanceId: id, routeId, destinationId, callingAeTitle, calledAeTitle, sopClassUid, sopInstanceUid, transferSyntaxUid },
    ...{ studyInstanceUid, seriesInstanceUid, modality, dataSetBytes, receivedAt, traceparent },
  };
}

/** Of one whose envelope is not at hand, or cannot be read. */
export function factsOfEntry(entry: Omit<NewEntry, 'state'>): SpooledInstanceFacts {
  const { id, destinationId, callingAeTitle, sopClassUid, sopInstanceUid, transferSyntaxUid, seriesKey, modality, receivedAt } = entry;
  return {
    ...{ instanceId: id, routeId: undefined, destinationId, callingAeTitle, calledAeTitle: undefined, sopClassUid, sopInstanceUid },
    ...{ transferSyntaxUid, studyInstanceUid: entry.studyKey || undefined, seriesInstanceUid: seriesKey, modality },
    ...{ dataSetBytes: entry.bytes, receivedAt, traceparent: undefined },
  };
}

/**
 * It was given up, and a crash came before the schedule heard of it; so telemetry and the ledger most likely did not either, and would have it
 * wait for ever. Told twice does no harm there.
 */
export function foundDead(entry: Omit<NewEntry, 'state'> & { readonly attempts?: number }, at: number): DeliveryDeadLettered {
  return {
    ...factsOfEntry(entry),
    ...{ type: 'delivery.dead_lettered', at, attempts: entry.attempts, errorType: 'dead_in_spool' },
    ...{ status: undefined, contextResult: undefined, quarantined: false },
  };
}
