import type { StudyTold, StudyVerdict, ToldSeries } from '@radiotracer/telemetry';
import {
  contentsOf,
  type InstanceAtDestination,
  type InstanceRecord,
  isAcknowledged,
  isLost,
  isRemoved,
} from '../record/instance-record.ts';
import type { StudyPage } from '../record/study-page.ts';
import type { Verdict } from '../record/verdict-record.ts';
import type { Finding } from '../verdict/finding.ts';

/** Further ones hang on the root. */
const maxSeries = 1000;

/** Everything that was acknowledged has arrived, is given up, or was removed by a person. */
export function isSettled(page: StudyPage): boolean {
  return page.instances.every(({ at }) => Object.values(at).every((place) => place.acknowledgedAt === undefined || isAtEnd(place)));
}

/** The root of a study's trace, by all that is known of the study. */
export function studyTold(page: StudyPage, verdict: Verdict, findings: readonly Finding[], now: number): StudyTold {
  const { study, instances } = page;
  const destinations = new Set(instances.flatMap(({ at }) => Object.keys(at)));
  const [destinationId, ...others] = destinations;
  const firstByteAt = firstByteOf(page) ?? study.firstAt ?? now;
  const receivedAt = greatest(instances.map(receivedUntil)) ?? study.lastAt ?? firstByteAt;
  return {
    type: 'study.told',
    studyInstanceUid: study.uid,
    generation: study.generation,
    modalities: study.modalities.length > 0 ? study.modalities : [...new Set(instances.flatMap(({ modality }) => modality ?? []))].sort(),
    firstByteAt,
    receivedAt: Math.max(firstByteAt, receivedAt),
    endedAt: Math.max(firstByteAt, receivedAt, greatest(instances.map(endedAt)) ?? firstByteAt),
    verdict: verdictTold(verdict),
    findings: findings.map(({ kind, count }) => ({ kind, count })),
    callingAeTitle: study.callingAeTitles[0],
    destinationId: others.length === 0 ? destinationId : undefined,
    instances: instances.filter(isAcknowledged).length,
    sizeBytes: sizeOf(instances.filter(isAcknowledged)),
    series: seriesTold(page),
    undelivered: instances.filter(isUndelivered).length,
    lost: instances.filter(({ at }) => Object.values(at).some(isLost)).length,
    incomplete: study.incompleteSince !== undefined || study.overflow > 0,
  };
}

/** Of its generation. */
export function firstByteOf({ study, instances }: StudyPage): number | undefined {
  return greatest([study.generationAt, least(instances.map(firstAt))]);
}

export function verdictTold({ state, source, confidence, expected, received, missing }: Verdict): StudyVerdict {
  return { completion: state, source, confidence, expected, received, missing: missing.count };
}

function seriesTold({ study: { generationAt = 0 }, instances }: StudyPage): readonly ToldSeries[] {
  const bySeries = Map.groupBy(instances, ({ seriesUid }) => seriesUid ?? '');
  bySeries.delete('');
  return [...bySeries]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .slice(0, maxSeries)
    .map(([seriesInstanceUid, some]) => {
      const from = Math.max(generationAt, least(some.map(firstAt)) ?? 0);
      const acknowledged = some.filter(isAcknowledged);
      return {
        seriesInstanceUid,
        modality: some.find(({ modality }) => modality !== undefined)?.modality,
        instances: acknowledged.length,
        sizeBytes: sizeOf(acknowledged),
        firstAt: from,
        lastAt: Math.max(from, greatest(some.map(receivedUntil)) ?? from),
      };
    });
}

/** Where it was acknowledged it is owed; where nobody took it, it may have gone by another way. */
function isUndelivered({ at }: InstanceRecord): boolean {
  const places = Object.values(at);
  return places.some((place) => place.acknowledgedAt !== undefined && !hasArrived(place)) || !places.some(hasArrived);
}

function isAtEnd(place: InstanceAtDestination): boolean {
  return hasArrived(place) || place.deadAt !== undefined || isRemoved(place);
}

/** At the destination: it said so once, at least. */
function hasArrived({ forwardedAt, confirmedAt }: InstanceAtDestination): boolean {
  return forwardedAt !== undefined || confirmedAt !== undefined;
}

function firstAt({ receivedAt, at }: InstanceRecord): number | undefined {
  return receivedAt ?? least(Object.values(at).map(({ acknowledgedAt }) => acknowledgedAt));
}

function receivedUntil({ receivedAt, at }: InstanceRecord): number | undefined {
  return greatest([receivedAt, ...Object.values(at).map(({ acknowledgedAt }) => acknowledgedAt)]);
}

function endedAt({ at }: InstanceRecord): number | undefined {
  return greatest(
    Object.values(at).flatMap((place) => [
      ...[place.acknowledgedAt, place.forwardedAt, place.deadAt],
      ...(isRemoved(place) ? [place.removedAt] : []),
    ]),
  );
}

/** Of the largest that came under each UID. */
function sizeOf(instances: readonly InstanceRecord[]): number {
  return instances.reduce((sum, instance) => sum + Math.max(0, ...contentsOf(instance).map(({ bytes }) => bytes)), 0);
}

function least(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce((one, other) => (one === undefined || (other !== undefined && other < one) ? other : one), undefined);
}

function greatest(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce((one, other) => (one === undefined || (other !== undefined && other > one) ? other : one), undefined);
}
