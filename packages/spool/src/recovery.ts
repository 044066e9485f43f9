/**
 * What a start makes of what the last run left, before anybody is served. Every file is accounted for; none is deleted. It may itself be
 * interrupted anywhere: every step is one rename, and the next start finds the rest.
 */
import { setImmediate } from 'node:timers/promises';
import type { InstanceId } from '@radiotracer/instance';
import type { DirectorySyncs } from './directory-syncs.ts';
import { usualHeaderBytes } from './file-header.ts';
import { folderName } from './folder-amount.ts';
import { headerBytesOf, maxHeaderBytes } from './front-bytes.ts';
import { type InstanceState, instanceStates, isShard, type Layout, partSuffix, shardOf, whySuffix } from './layout.ts';
import { idOfFile } from './listing.ts';
import { moveAside } from './move-aside.ts';
import type { FindingKind, Findings } from './recovery-report.ts';
import type { ShardFolders } from './shard-folders.ts';
import { SpoolError, spoolErrorOf, systemCode } from './spool-error.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';
import { headerOf, type ListedInstance } from './spooled-instance.ts';
import type { UsageCounter } from './usage.ts';

export interface RecoveryHome {
  readonly fileSystem: SpoolFileSystem;
  readonly layout: Layout;
  readonly syncs: DirectorySyncs;
  readonly shards: ShardFolders;
  readonly usage: UsageCounter;
  readonly findings: Findings;
  /** Told of every good instance: shard by shard, in a shard state by state, in a state in order of arrival. */
  readonly found: ((instance: ListedInstance) => void | Promise<void>) | undefined;
}

/** Heads read without a turn of the event loop: a few milliseconds of a warm disk. */
const headsPerTurn = 128;
/** Folders synced at once. */
const syncsAtOnce = 8;

export class Recovery {
  readonly #home: RecoveryHome;
  readonly #head = Buffer.allocUnsafeSlow(usualHeaderBytes);
  #headsRead = 0;
  #lastId: InstanceId | undefined;

  constructor(home: RecoveryHome) {
    this.#home = home;
  }

  /**
   * Puts everything in order.
   * @returns the greatest id in the spool: those to come must follow it
   */
  async run(): Promise<InstanceId | undefined> {
    const { fileSystem, layout, syncs, usage } = this.#home;
    await this.#incoming();
    await this.#states();
    // The renames of this run, before anything is told of them.
    await syncs.sync(layout.damaged);
    for (const name of await fileSystem.readdir(layout.damaged)) {
      if (name.endsWith(whySuffix)) continue;
      try {
        usage.came('damaged', name, (await fileSystem.stat(`${layout.damaged}/${name}`)).bytes);
      } catch (error) {
        this.#find('unreadable', `${layout.damaged}/${name}`, spoolErrorOf(error, 'stat', name).message);
      }
    }
    return this.#lastId;
  }

  async #incoming(): Promise<void> {
    const { fileSystem, layout } = this.#home;
    for (const name of await fileSystem.readdir(layout.incoming)) {
      const path = `${layout.incoming}/${name}`;
      if (name.endsWith(partSuffix))
        await this.#aside('unfinished', path, 'the process ended before it was whole and safe; nobody was told that it is');
      else this.#find('unknown-file', path, 'not a part of the spool');
    }
  }

  async #states(): Promise<void> {
    const shards = new Map<string, InstanceState[]>();
    for (const state of instanceStates) {
      for (const name of await this.#names(this.#home.layout.state(state))) {
        if (!isShard(name)) this.#find('unknown-file', `${this.#home.layout.state(state)}/${name}`, 'not a folder of the spool');
        else if (shards.get(name)?.push(state) === undefined) shards.set(name, [state]);
      }
    }
    const misplaced: string[] = [];
    const folders: string[] = [];
    for (const shard of [...shards.keys()].sort()) {
      const here = new Set<InstanceId>();
      for (const state of shards.get(shard) ?? []) {
        const path = this.#home.layout.shard(state, shard);
        if (await this.#shard(state, shard, here, misplaced)) folders.push(path);
      }
    }
    for (const path of misplaced) await this.#putInPlace(path);
    await this.#syncAll(folders);
  }

  /** @returns whether the folder is still there */
  async #shard(state: InstanceState, shard: string, here: Set<InstanceId>, misplaced: string[]): Promise<boolean> {
    const { fileSystem, layout, shards } = this.#home;
    const folder = layout.shard(state, shard);
    const names = await this.#names(folder);
    if (names.length === 0) {
      // Left over; one that cannot be removed, or was not to be read, stays.
      return await fileSystem.rmdir(folder).then(
        () => false,
        () => true,
      );
    }
    let files = 0;
    for (const name of [...names].sort()) {
      const path = `${folder}/${name}`;
      const id = idOfFile(name);
      if (id === undefined) this.#find('unknown-file', path, 'not a file of the spool');
      else if (shardOf(id) !== shard) misplaced.push(path);
      else if (here.has(id)) await this.#aside('duplicate', path, 'the same instance stands in another state, and stays there');
      else if (await this.#instance(state, id, path)) {
        here.add(id);
        files++;
      }
    }
    shards.count(folder, files);
    return true;
  }

  /** Holds the file against its envelope. @returns whether it stays */
  async #instance(state: InstanceState, id: InstanceId, path: string): Promise<boolean> {
    if (++this.#headsRead % headsPerTurn === 0) await setImmediate();
    let listed: ListedInstance;
    try {
      const { fileSystem } = this.#home;
      let head: Buffer = this.#head;
      let { headBytes, fileBytes } = fileSystem.readHeadNow(path, head);
      const wanted = headerBytesOf(head.subarray(0, headBytes));
      if (wanted !== undefined && wanted > head.length) {
        head = Buffer.allocUnsafe(maxHeaderBytes);
        ({ headBytes, fileBytes } = fileSystem.readHeadNow(path, head));
      }
      const { envelope } = headerOf(head.subarray(0, headBytes), fileBytes, path, id);
      listed = { id, envelope, state, bytes: fileBytes };
    } catch (error) {
      // Taken away by hand, just now.
      if (systemCode(error) === 'ENOENT') return false;
      if (error instanceof SpoolError) await this.#aside('damaged', path, error.message);
      // A disk that does not answer now may answer tomorrow: what was acknowledged is not put out of sight for that.
      else this.#find('unreadable', path, spoolErrorOf(error, 'read', path).message);
      return false;
    }
    this.#home.usage.came(folderName(state, shardOf(id)), id, listed.bytes);
    if (this.#lastId === undefined || id > this.#lastId) this.#lastId = id;
    await this.#home.found?.(listed);
    return true;
  }

  /** Somebody moved it by hand; where it lies it would never be found by its id. */
  async #putInPlace(path: string): Promise<void> {
    const { fileSystem, layout, shards, syncs } = this.#home;
    const [state, , name] = path.slice(layout.dir.length + 1).split('/') as [InstanceState, string, string];
    const id = idOfFile(name);
    if (id === undefined) return;
    for (const other of instanceStates) {
      if (await this.#isThere(layout.file(other, id))) {
        await this.#aside('duplicate', path, 'the same instance stands where it belongs');
        return;
      }
    }
    const to = layout.file(state, id);
    const folder = layout.shard(state, shardOf(id));
    try {
      await shards.putInto(layout.state(state), folder, () => fileSystem.rename(path, to));
      await syncs.sync(folder);
    } catch (error) {
      this.#find('unreadable', path, spoolErrorOf(error, 'rename', path).message);
      return;
    }
    this.#home.findings.add({ kind: 'misplaced', path, why: 'not the folder of its id', movedTo: to });
    if (!(await this.#instance(state, id, to))) await shards.left(folder, true);
  }

  /** A run before this one may have ended between a rename and its sync: what is reported as there must stay there. */
  async #syncAll(folders: readonly string[]): Promise<void> {
    const { layout } = this.#home;
    const all = [...instanceStates.map((state) => layout.state(state)), ...folders];
    for (let at = 0; at < all.length; at += syncsAtOnce) {
      await Promise.all(all.slice(at, at + syncsAtOnce).map((path) => this.#syncOne(path)));
    }
  }

  async #syncOne(path: string): Promise<void> {
    try {
      await this.#home.syncs.sync(path);
    } catch (error) {
      this.#find('unreadable', path, spoolErrorOf(error, 'sync directory', path).message);
    }
  }

  async #aside(kind: FindingKind, path: string, why: string): Promise<void> {
    try {
      const movedTo = await moveAside(this.#home.fileSystem, this.#home.layout, path, `${kind}: ${why}`);
      this.#home.findings.add({ kind, path, why, movedTo });
    } catch (error) {
      this.#find('unreadable', path, `${why}; and it could not be moved aside: ${spoolErrorOf(error, 'rename', path).message}`);
    }
  }

  #find(kind: FindingKind, path: string, why: string): void {
    this.#home.findings.add({ kind, path, why });
  }

  async #names(folder: string): Promise<readonly string[]> {
    try {
      return await this.#home.fileSystem.readdir(folder);
    } catch (error) {
      this.#find('unreadable', folder, spoolErrorOf(error, 'read directory', folder).message);
      return [];
    }
  }

  async #isThere(path: string): Promise<boolean> {
    try {
      await this.#home.fileSystem.stat(path);
      return true;
    } catch (error) {
      return systemCode(error) !== 'ENOENT';
    }
  }
}
