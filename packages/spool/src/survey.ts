/**
 * Reads the front of every file that the last run left, while others are served: what is damaged is moved aside and told. Who reads an
 * instance before the survey came to it (to send it, to schedule it) finds the same by itself, so nothing depends on how soon that is.
 */
import type { InstanceId } from '@radiotracer/instance';
import { usualHeaderBytes } from './file-header.ts';
import { filesIn } from './folder-amount.ts';
import type { GiveWay } from './give-way.ts';
import { instanceStates, type Layout, shardOf } from './layout.ts';
import { idOfFile } from './listing.ts';
import type { Findings } from './recovery-report.ts';
import { SpoolError, spoolErrorOf, systemCode } from './spool-error.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';
import { lookAt } from './spooled-instance.ts';
import { type FolderName, folderName } from './usage.ts';

export interface SurveyHome {
  readonly fileSystem: SpoolFileSystem;
  readonly layout: Layout;
  readonly findings: Findings;
  /** As `Spool.quarantine`. */
  readonly quarantine: (id: InstanceId, why: string) => Promise<unknown>;
  readonly isClosed: () => boolean;
  readonly giveWay: GiveWay;
}

/** Files looked at between two turns of others. */
const filesPerStep = 64;
/** Files looked at at once: on a cold disk each keeps others waiting who read and write meanwhile. */
const lookahead = 2;

export class Survey {
  readonly #home: SurveyHome;
  /** Folders with something that nobody has looked at since the start. */
  readonly #unread: Set<FolderName>;
  readonly #heads = Array.from({ length: lookahead }, () => new Uint8Array(new SharedArrayBuffer(usualHeaderBytes)));
  #running: Promise<void> | undefined;

  constructor(home: SurveyHome, folders: Iterable<FolderName>) {
    this.#home = home;
    this.#unread = new Set(folders);
  }

  /** Somebody has looked at every front in the folder and found nothing wrong. */
  wasRead(folder: FolderName): void {
    this.#unread.delete(folder);
  }

  /** Looks at what nobody has looked at yet; called again, it is the same. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    const { fileSystem, layout, isClosed } = this.#home;
    for (const folder of [...this.#unread].sort()) {
      if (!this.#unread.has(folder) || isClosed()) continue;
      try {
        await this.#folder(folder, await filesIn(fileSystem, layout, folder));
      } catch (error) {
        this.#unreadable(`${layout.dir}/${folder}`, error, 'read directory');
      }
      this.#unread.delete(folder);
    }
  }

  async #folder(folder: FolderName, names: readonly string[]): Promise<void> {
    const { isClosed, giveWay } = this.#home;
    for (let at = 0; at < names.length; at += lookahead) {
      if (at % filesPerStep === 0) await giveWay();
      if (isClosed()) return;
      await Promise.all(names.slice(at, at + lookahead).map((name, slot) => this.#file(folder, name, this.#heads[slot])));
    }
  }

  async #file(folder: FolderName, name: string, head: Uint8Array | undefined): Promise<void> {
    const { fileSystem, layout, quarantine } = this.#home;
    const path = `${layout.dir}/${folder}/${name}`;
    const state = instanceStates.find((one) => folder === folderName(one, shardOf(name)));
    const id = idOfFile(name);
    try {
      if (folder === 'damaged') await fileSystem.stat(path);
      else if (state !== undefined && id !== undefined) await lookAt(fileSystem, path, state, id, head);
    } catch (error) {
      // Delivered or moved meanwhile.
      if (systemCode(error) === 'ENOENT') return;
      if (id === undefined || !(error instanceof SpoolError)) return this.#unreadable(path, error, 'read');
      await quarantine(id, error.message).catch((failure: unknown) => {
        const isGone = failure instanceof SpoolError && ['unknown-instance', 'closed'].includes(failure.code);
        if (!isGone) this.#unreadable(path, failure, 'rename', `${error.message}; and it could not be moved aside: `);
      });
    }
  }

  /** A disk that does not answer now may answer tomorrow: what was acknowledged is not put out of sight for that. */
  #unreadable(path: string, error: unknown, operation: string, before = ''): void {
    // A process that ends may find its files closed.
    if (this.#home.isClosed()) return;
    this.#home.findings.add({ kind: 'unreadable', path, why: `${before}${spoolErrorOf(error, operation, path).message}` });
  }
}
