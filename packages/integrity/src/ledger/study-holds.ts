/**
 * Associations that are open still, each with the study that it brought last: more of it may be on its way, in a C-STORE that takes longer than
 * the quiet period or after a pause of the modality. A modality that goes on to another study has done with the one before.
 *
 *   opened ──> brings a study ──> brings another ──> ended
 *                   └ held ────────────┘ └ held ──────┘
 */
import type { TelemetryEvent } from '@radiotracer/telemetry';
import { keptUid } from '../observe.ts';

/** A modality that keeps its association for the next patient, and asks for nothing meanwhile but a C-ECHO. */
const longestHoldMs = 3_600_000;
/** Of those opened before there were so many; others hold nothing. */
const maxAssociations = 10_000;

interface Hold {
  readonly studyUid: string;
  /** It brought an instance of it. */
  readonly broughtAt: number;
  /** The study is known to be held since, by the ledger. */
  readonly heldAt: number;
}

export class StudyHolds {
  readonly #everyMs: number;
  readonly #open = new Map<string, Hold | undefined>();

  /** @param everyMs a study of which nothing came for so long is to be held, and again after as long; 0: none is held */
  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  hear(event: TelemetryEvent, now: number): void {
    switch (event.type) {
      case 'association.opened':
        if (event.role === 'server' && this.#open.size < maxAssociations) this.#open.set(event.associationId, undefined);
        break;
      case 'operation.ended': {
        if (event.operation !== 'C-STORE' || event.invokedBy !== 'requestor' || !this.#open.has(event.serverAssociationId)) return;
        const studyUid = keptUid(event.head?.studyInstanceUid);
        if (studyUid !== undefined) this.#open.set(event.serverAssociationId, { studyUid, broughtAt: now, heldAt: now });
        break;
      }
      case 'association.ended':
        this.#open.delete(event.associationId);
        break;
      default:
    }
  }

  /** Studies that are to be held now. */
  due(now: number): readonly string[] {
    if (this.#everyMs === 0) return [];
    const studyUids = new Set<string>();
    for (const [associationId, hold] of this.#open) {
      if (hold === undefined || now - hold.broughtAt >= longestHoldMs) continue;
      // A time of day that was set back counts from what it is now.
      const heldAt = Math.min(hold.heldAt, now);
      const isDue = now - heldAt >= this.#everyMs;
      this.#open.set(associationId, { ...hold, broughtAt: Math.min(hold.broughtAt, now), heldAt: isDue ? now : heldAt });
      if (isDue) studyUids.add(hold.studyUid);
    }
    return [...studyUids];
  }
}
