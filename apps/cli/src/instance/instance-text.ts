import { type Content, contentsOf, type InstanceAtDestination } from '@radiotracer/integrity';
import type { QueueEntry } from '@radiotracer/queue';
import { sopClassName } from '@radiotracer/telemetry';
import { counted, size } from '../lab/figures.ts';
import type { Paint } from '../lab/paint.ts';
import { fromNow, iso, printable, stateText } from '../queue/words.ts';
import type { NextCommand } from '../read-config.ts';
import { findingText } from '../studies/study-words.ts';
import { placeSentence, placeState, type SeenInstance } from './seen-instance.ts';

export interface Words {
  readonly now: number;
  readonly paint: Paint;
  readonly next: NextCommand;
}

/** What the ledger saw of it, for a person: what became of it first. */
export function seenText({ studyUid, callingAeTitles, instance, findings }: SeenInstance, { now, paint, next }: Words): string {
  const { receivedAt, sopClassUid, number, acquisition } = instance;
  const contents = [...new Set(contentsOf(instance).map(contentText))];
  const places = Object.entries(instance.at).sort(([one], [other]) => (one < other ? -1 : 1));
  const facts: readonly (readonly [name: string, value: string | undefined])[] = [
    ['received', receivedAt === undefined ? undefined : time(receivedAt, now)],
    ['from', callingAeTitles.join(', ')],
    ['study', studyUid],
    ['', next(`studies show ${studyUid}`)],
    ['series', instance.seriesUid],
    ['SOP class', sopClassUid === undefined ? undefined : [sopClassUid, sopClassName(sopClassUid)].filter(Boolean).join(', ')],
    ['modality', instance.modality],
    ['number', number === undefined ? undefined : String(number)],
    ['acquisition', acquisition === undefined ? undefined : String(acquisition)],
    ['UID inside', instance.dataSetUid],
    ...contents.map((content, index) => [index === 0 ? 'contents' : 'and', content] as const),
  ];
  return [
    paint('bold', printable(instance.uid)),
    ...(receivedAt === undefined ? [unseen(places)] : []),
    ...places.map(([destinationId, place]) => {
      const isWrong = ['given up', 'missing', 'removed'].includes(placeState(place));
      const sentence = printable(placeSentence(destinationId, place));
      return isWrong ? paint('bad', sentence) : sentence;
    }),
    '',
    ...facts.flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [`  ${paint('dim', name.padEnd(15))}  ${printable(value)}`],
    ),
    ...places.flatMap(([destinationId, place]) => ['', paint('bold', printable(destinationId)), ...placeLines(place, now, paint)]),
    ...(findings.length === 0 ? [] : ['', paint('bold', 'findings'), ...findings.map((kind) => `  ${kind}: ${findingText(kind)}`)]),
    '',
  ].join('\n');
}

function unseen(places: readonly (readonly [string, InstanceAtDestination])[]): string {
  const isAcknowledged = places.some(([, { acknowledgedAt }]) => acknowledgedAt !== undefined);
  return isAcknowledged ? 'Its arrival is not in the ledger; what came later is.' : 'It did not come: the ledger knows it by name alone.';
}

/** What of it is queued still. `isOwed`: by the ledger it should be. */
export function queuedText(uid: string, entries: readonly QueueEntry[], isOwed: boolean, { now, paint, next }: Words): string {
  if (entries.length === 0 && isOwed)
    return `${paint('bad', 'Nothing of it is queued, and so nobody delivers it: a person removed it (queue rm) while the ledger was away, its file was taken from the spool, or it was delivered a moment ago or just before a crash.')}\n`;
  if (entries.length === 0) return 'Nothing of it is queued.\n';
  const lines = entries.map(({ id, state, destinationId, attempts, lastError, dueAt }) => {
    const tried = attempts === 0 ? 'not tried yet' : `tried ${counted(attempts, 'time')}`;
    const error = lastError === undefined ? '' : `, last ${lastError.errorType}`;
    const due = state === 'waiting' && dueAt > now ? `, again ${fromNow(dueAt, now)}` : '';
    return `  ${printable(id)}  ${stateText(state, paint)}  for ${printable(destinationId)}, ${tried}${error}${due}`;
  });
  const [first] = entries;
  const more = entries.length === 1 && first !== undefined ? `queue show ${first.id}` : `queue ls --instance ${uid}`;
  return [paint('bold', 'queue'), ...lines, `  ${next(more)}`, ''].join('\n');
}

function placeLines(place: InstanceAtDestination, now: number, paint: Paint): readonly string[] {
  const times: readonly (readonly [name: string, at: number | undefined])[] = [
    ['spooled', place.spooledAt],
    ['acknowledged', place.acknowledgedAt],
    ['forwarded', place.forwardedAt],
    ['given up', place.deadAt],
    ['removed', place.removedAt],
    ['not there', place.missingAt],
    ['confirmed', place.confirmedAt],
    ['committed', place.committedAt],
    ['not committed', place.commitFailedAt],
  ];
  return times.flatMap(([name, at]) => (at === undefined ? [] : [`  ${paint('dim', name.padEnd(15))}  ${time(at, now)}`]));
}

function contentText({ transferSyntaxUid, bytes, checksum }: Content): string {
  return [transferSyntaxUid, `${size(bytes)} (${bytes} bytes)`, checksum].filter(Boolean).join(', ');
}

function time(at: number, now: number): string {
  return `${iso(at)}, ${fromNow(at, now)}`;
}
