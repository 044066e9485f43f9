import { isLost, isWaiting } from '../record/instance-record.ts';
import type { LossLine } from '../record/loss-line.ts';
import type { StudyPage } from '../record/study-page.ts';

const maxListed = 100;

/** In the order of destination and modality. */
export function lossOf(page: StudyPage): readonly LossLine[] {
  const lines = new Map<string, { -readonly [Name in keyof LossLine]-?: LossLine[Name] } & { lostUids: string[] }>();
  for (const { uid, modality = '', at } of page.instances) {
    for (const [destinationId, place] of Object.entries(at)) {
      const key = `${destinationId} ${modality}`;
      const empty = { destinationId, modality, acknowledged: 0, forwarded: 0, confirmed: 0, waiting: 0, lost: 0, lostUids: [] as string[] };
      const line = lines.get(key) ?? empty;
      lines.set(key, line);
      if (place.acknowledgedAt !== undefined) line.acknowledged += 1;
      if (place.forwardedAt !== undefined) line.forwarded += 1;
      if (isWaiting(place)) line.waiting += 1;
      if (isLost(place)) {
        line.lost += 1;
        line.lostUids.push(uid);
      } else if (place.confirmedAt !== undefined) line.confirmed += 1;
    }
  }
  return [...lines]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, line]) => ({ ...line, lostUids: line.lostUids.sort().slice(0, maxListed) }));
}
