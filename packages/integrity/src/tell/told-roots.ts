/** Roots that this node has told, until the ledger says so too: whoever finds one that is not marked in time tells it again. */
import type { Clock, TelemetryEvent } from '@radiotracer/telemetry';
import type { Ledger } from '../ledger/ledger.ts';
import type { StudyRecord } from '../record/study-record.ts';
import type { StudyTelling } from '../record/study-telling.ts';
import { nextVerifyAt } from '../verify/verify-schedule.ts';
import { isDueForTelling } from './tell-step.ts';

/** After so long what was told has left the process. */
const sureMs = 10_000;

export interface ToldRootsOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly publish: (event: TelemetryEvent) => void;
  /** Gives way to whatever else waits in this thread. */
  readonly turn: () => Promise<void>;
}

export class ToldRoots {
  readonly #options: ToldRootsOptions;
  /** By study and generation, since when. */
  readonly #told = new Map<string, { readonly studyUid: string; readonly generation: number; readonly at: number }>();

  constructor(options: ToldRootsOptions) {
    this.#options = options;
  }

  tell({ event, generation }: StudyTelling, at: number): void {
    if (event === undefined) return;
    const { studyInstanceUid: studyUid } = event;
    this.#options.publish(event);
    this.#told.set(`${studyUid} ${generation}`, { studyUid, generation, at });
  }

  /** Marks those that were told `sinceMs` ago. @throws LedgerUnavailable: they are marked later. */
  async mark(sinceMs = sureMs): Promise<void> {
    const { ledger, clock, turn } = this.#options;
    const now = clock.now();
    for (const [key, { studyUid, generation, at }] of this.#told) {
      if (now - at < sinceMs) continue;
      await ledger.updateHead(studyUid, (study) => marked(study, generation));
      this.#told.delete(key);
      await turn();
    }
  }
}

/** Told, and nobody needs to look whether it was; undefined: that is known, or of another generation. */
function marked(study: StudyRecord, generation: number): StudyRecord | undefined {
  const { telling, dueAt, ...rest } = study;
  if (telling?.generation !== generation || telling.told) return undefined;
  const nextAt = isDueForTelling(study) ? nextVerifyAt(study.verify) : dueAt;
  return { ...rest, telling: { generation, told: true }, ...(nextAt === undefined ? {} : { dueAt: nextAt }) };
}
