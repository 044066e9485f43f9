import { isLost } from '../record/instance-record.ts';
import type { StudyPage } from '../record/study-page.ts';

/** Did everything that was acknowledged arrive? Of one study, for one destination and modality. */
export interface LossLine {
  readonly destinationId: string;
  readonly modality: string;
  readonly acknowledged: number;
  /** The destination answered Success. */
  readonly forwarded: number;
  /** The destination said that it has it. */
  readonly confirmed: number;
  /** Given up, or not there when asked with patience. */
  readonly lost: number;
  /** At most 100: for the operator, never in telemetry. */
  readonly lostUids: readonly string[];
}

const maxListed = 100;

/** In the order of destination and modality. */
export function lossOf(page: StudyPage): readonly LossLine[] {
  const lines = new Map<string, { -readonly [Name in keyof LossLine]: LossLine[Name] } & { lostUids: string[] }>();
  for (const { uid, modality = '', at } of page.instances) {
    for (const [destinationId, place] of Object.entries(at)) {
      const key = `${destinationId} ${modality}`;
      const empty = { destinationId, modality, acknowledged: 0, forwarded: 0, confirmed: 0, lost: 0, lostUids: [] as string[] };
      const line = lines.get(key) ?? empty;
      lines.set(key, line);
      if (place.acknowledgedAt !== undefined) line.acknowledged += 1;
      if (place.forwardedAt !== undefined) line.forwarded += 1;
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
