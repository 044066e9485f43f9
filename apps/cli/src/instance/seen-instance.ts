import {
  type FindingKind,
  findingsOf,
  type InstanceAtDestination,
  type InstanceRecord,
  isLost,
  isRemoved,
  type StudyPage,
} from '@radiotracer/integrity';
import { refusalText } from '../studies/study-words.ts';

/** One instance as the ledger saw it, in one study. */
export interface SeenInstance {
  readonly studyUid: string;
  readonly callingAeTitles: readonly string[];
  readonly instance: InstanceRecord;
  readonly findings: readonly FindingKind[];
}

export function seenInstance({ study, series, documents }: StudyPage, instance: InstanceRecord): SeenInstance {
  const findings = findingsOf({ study, series, documents, instances: [instance] });
  return {
    studyUid: study.uid,
    callingAeTitles: study.callingAeTitles,
    instance,
    findings: findings.filter(({ uids }) => uids.includes(instance.uid)).map(({ kind }) => kind),
  };
}

/** What became of it at one destination; the first that holds. */
export type PlaceState = 'given up' | 'missing' | 'confirmed' | 'taken' | 'removed' | 'owed' | 'acknowledged' | 'not acknowledged';

export function placeState(place: InstanceAtDestination): PlaceState {
  if (isLost(place)) return place.missingAt === undefined ? 'given up' : 'missing';
  if (place.confirmedAt !== undefined) return 'confirmed';
  if (place.forwardedAt !== undefined) return 'taken';
  if (place.acknowledgedAt === undefined) return 'not acknowledged';
  if (isRemoved(place)) return 'removed';
  return place.spooledAt === undefined ? 'acknowledged' : 'owed';
}

/** Whether some destination is to get it yet. */
export function isOwed({ instance }: SeenInstance): boolean {
  return Object.values(instance.at).some((place) => placeState(place) === 'owed');
}

/** The same in a sentence, without its times. */
export function placeSentence(destinationId: string, place: InstanceAtDestination): string {
  const refused = place.commitFailure === undefined ? '' : `; it refused to commit itself to it (${refusalText(place.commitFailure)})`;
  switch (placeState(place)) {
    case 'given up':
      return isRemoved(place)
        ? `It was acknowledged to the modality, and given up for ${destinationId}, and a person removed it from the queue (queue rm): it is lost there until it is sent again.`
        : `It was acknowledged to the modality, and given up for ${destinationId}: it is lost there until it is delivered after all (queue retry) or sent again.`;
    case 'missing':
      return `It was acknowledged to the modality, and ${destinationId} says that it has not got it${refused}.`;
    case 'confirmed':
      return `${destinationId} has said that it has it.`;
    case 'taken':
      return `${destinationId} took it${place.acknowledgedAt === undefined ? ', and the modality was not told so: it may send it again' : ''}${refused}.`;
    case 'removed':
      return `It was acknowledged to the modality, and a person removed it from the queue (queue rm) before it was known to be delivered: ${destinationId} gets it if it is sent again.`;
    case 'owed':
      return `It is kept, acknowledged to the modality, and is to be delivered to ${destinationId}.`;
    case 'acknowledged':
      return `It was acknowledged to the modality; nothing is known of it at ${destinationId}.`;
    case 'not acknowledged':
      return `It was not acknowledged to the modality for ${destinationId}: whoever sent it has it, and has been told.`;
  }
}
