import { contentsOf } from '@radiotracer/integrity';
import type { QueueEntry } from '@radiotracer/queue';
import { entryJson } from '../queue/entry-json.ts';
import { orNull } from '../studies/study-json.ts';
import { placeSentence, placeState, type SeenInstance } from './seen-instance.ts';

/** The same for a program: times in ISO 8601, null for what is not known. `seen`, `queued`: null where it could not be asked. */
export function instanceJson(uid: string, seen: readonly SeenInstance[] | undefined, queued: readonly QueueEntry[] | undefined) {
  return { sopInstanceUid: uid, seen: seen?.map(seenJson) ?? null, queued: queued?.map(entryJson) ?? null };
}

function seenJson({ studyUid, callingAeTitles, instance, findings }: SeenInstance) {
  return {
    studyInstanceUid: studyUid || null,
    seriesInstanceUid: instance.seriesUid ?? null,
    sopClassUid: instance.sopClassUid ?? null,
    dataSetSopInstanceUid: instance.dataSetUid ?? null,
    modality: instance.modality ?? null,
    instanceNumber: instance.number ?? null,
    acquisitionNumber: instance.acquisition ?? null,
    callingAets: callingAeTitles,
    receivedAt: orNull(instance.receivedAt),
    contents: contentsOf(instance).map(({ transferSyntaxUid, bytes, checksum, destinationId }) => ({
      ...{ transferSyntaxUid, bytes, checksum: checksum ?? null, destination: destinationId },
    })),
    destinations: Object.entries(instance.at).map(([destination, place]) => ({
      ...{ destination, state: placeState(place), text: placeSentence(destination, place) },
      ...{ spooledAt: orNull(place.spooledAt), acknowledgedAt: orNull(place.acknowledgedAt), forwardedAt: orNull(place.forwardedAt) },
      ...{ deadAt: orNull(place.deadAt), missingAt: orNull(place.missingAt), confirmedAt: orNull(place.confirmedAt) },
      removedAt: orNull(place.removedAt),
      ...{ committedAt: orNull(place.committedAt), commitFailedAt: orNull(place.commitFailedAt) },
    })),
    findings,
  };
}
