import { Ledger, LedgerUnavailable, removed } from '@radiotracer/integrity';
import { openLedgerHome } from '@radiotracer/proxy';
import type { QueueEntry } from '@radiotracer/queue';
import { isThere, withoutPassword } from '../place.ts';
import { whyNotReadable } from '../studies/ledger-view.ts';
import { ofSchedule } from './entry-source.ts';
import type { QueueHome } from './queue-home.ts';

/** What is queued of a study for a destination. */
interface Queued {
  /** Whatever came later is not among them. */
  readonly at: number;
  /** By SOP Instance UID, how often. */
  readonly instances: Map<string, number>;
}

/**
 * What a person removed, written into the ledger: there it does not wait any more, and the destination can be asked for the rest of its study. The
 * files are gone by then, and so a ledger that is away is told and stops nothing.
 *
 * The ledger knows an instance of a destination once, however often it came: while another of its UID is queued, it is still to be delivered.
 */
export class RemovalNotes {
  /** Why the ledger was not told of all; undefined: it was, or there is none. */
  failed: string | undefined;
  readonly #home: Pick<QueueHome, 'config' | 'folder' | 'queue'>;
  readonly #now: () => number;
  #ledger: Ledger | undefined;
  /** Of the studies of the last batch; the next goes on with them, mostly. */
  #studies: ReadonlyMap<string, Queued> = new Map();

  constructor(home: Pick<QueueHome, 'config' | 'folder' | 'queue'>, now: () => number) {
    this.#home = home;
    this.#now = now;
  }

  /** These are not in the schedule any more. @throws QueueUnavailable */
  async write(entries: readonly QueueEntry[]): Promise<void> {
    if (entries.length === 0 || this.failed !== undefined || !(await this.#hasLedger())) return;
    const changes: ReturnType<typeof removed>[] = [];
    const studies = new Map<string, Queued>();
    for (const [study, some] of Map.groupBy(entries, ({ destinationId, studyKey }) => `${destinationId} ${studyKey}`)) {
      const before = this.#studies.get(study);
      const queued = before === undefined ? await this.#queuedWith(some) : without(before, some);
      studies.set(study, queued);
      for (const entry of some) if (!isIn(queued, entry)) changes.push(removedOf(entry, queued.at));
    }
    this.#studies = studies;
    try {
      this.#ledger ??= await this.#open();
      await this.#ledger.apply(changes, this.#now());
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error;
      const { config, folder } = this.#home;
      const place = config.queue.redis === undefined ? folder.ledger : withoutPassword(config.queue.redis);
      this.failed = `the ledger ${place} cannot be written: ${whyNotReadable(error)}; studies show goes on calling what was removed not delivered yet`;
    }
  }

  async close(): Promise<void> {
    await this.#ledger?.close();
  }

  async #hasLedger(): Promise<boolean> {
    const { config, folder } = this.#home;
    return config.integrity.enabled && (config.queue.redis !== undefined || (await isThere(folder.ledger)));
  }

  async #open(): Promise<Ledger> {
    const { integrity, telemetry } = this.#home.config;
    const lifetime = { quietPeriodMs: integrity.quietPeriodMs, settleMs: 0, studyRolloverMs: telemetry.studyRolloverMs };
    return new Ledger({ home: await openLedgerHome(this.#home.config, 'refuse'), ...lifetime });
  }

  /** In the study of these. */
  async #queuedWith([first]: readonly QueueEntry[]): Promise<Queued> {
    const queued: Queued = { at: this.#now(), instances: new Map() };
    if (first === undefined) return queued;
    const { destinationId, studyKey } = first;
    for await (const entries of ofSchedule(this.#home.queue)({ destinationId, studyKey })) count(queued, entries, 1);
    return queued;
  }
}

function without(queued: Queued, removed: readonly QueueEntry[]): Queued {
  count(queued, removed, -1);
  return queued;
}

function count({ instances }: Queued, entries: readonly QueueEntry[], by: 1 | -1): void {
  for (const { sopInstanceUid } of entries) instances.set(sopInstanceUid, (instances.get(sopInstanceUid) ?? 0) + by);
}

function isIn({ instances }: Queued, { sopInstanceUid }: QueueEntry): boolean {
  return (instances.get(sopInstanceUid) ?? 0) > 0;
}

function removedOf({ id, studyKey, seriesKey, modality, ...facts }: QueueEntry, at: number): ReturnType<typeof removed> {
  return removed({ ...facts, instanceId: id, studyInstanceUid: studyKey, seriesInstanceUid: seriesKey, modality }, at);
}
