import { Ledger, LedgerUnavailable, removed } from '@radiotracer/integrity';
import { openLedgerHome } from '@radiotracer/proxy';
import type { QueueEntry } from '@radiotracer/queue';
import { isThere, withoutPassword } from '../place.ts';
import { whyNotReadable } from '../studies/ledger-view.ts';
import { ofSchedule } from './entry-source.ts';
import type { QueueHome } from './queue-home.ts';

/**
 * What a person removed, written into the ledger: there it does not wait any more, and the destination can be asked for the rest of its study. The
 * files are gone by then, and so a ledger that is away is told and stops nothing.
 */
export class RemovalNotes {
  /** Why the ledger was not told of all; undefined: it was, or there is none. */
  failed: string | undefined;
  readonly #home: QueueHome;
  readonly #now: () => number;
  #ledger: Ledger | undefined;

  constructor(home: QueueHome, now: () => number) {
    this.#home = home;
    this.#now = now;
  }

  async write(entries: readonly QueueEntry[]): Promise<void> {
    if (entries.length === 0 || this.failed !== undefined || !(await this.#hasLedger())) return;
    const now = this.#now();
    const gone = await this.#notQueuedAgain(entries);
    const changes = gone.map(({ id, studyKey, seriesKey, modality, ...facts }) =>
      removed({ ...facts, instanceId: id, studyInstanceUid: studyKey, seriesInstanceUid: seriesKey, modality }, now),
    );
    try {
      this.#ledger ??= await this.#open();
      await this.#ledger.apply(changes, now);
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

  /** The ledger knows an instance of a destination once, however often it came: while another of its UID is queued, it is still to be delivered. */
  async #notQueuedAgain(entries: readonly QueueEntry[]): Promise<readonly QueueEntry[]> {
    const queued = new Set<string>();
    const studies = new Map(entries.map((entry) => [studyOf(entry), entry]));
    for (const { destinationId, studyKey } of studies.values())
      for await (const others of ofSchedule(this.#home.queue)({ destinationId, studyKey }))
        for (const one of others) queued.add(nameOf(one));
    return entries.filter((entry) => !queued.has(nameOf(entry)));
  }
}

function studyOf({ destinationId, studyKey }: QueueEntry): string {
  return `${destinationId} ${studyKey}`;
}

function nameOf(entry: QueueEntry): string {
  return `${studyOf(entry)} ${entry.sopInstanceUid}`;
}
