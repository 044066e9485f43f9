/**
 * What a start makes of what the last run left, before anybody is served, by the names of files and folders alone: a million fronts take
 * minutes, on a cold disk hours. Fronts and sizes are looked at afterwards (see Survey and Recount). Read here are only the fronts on which
 * depends which of two files stays. Every file is accounted for; none is deleted. It may itself be interrupted anywhere: every step is
 * one rename, and the next start finds the rest.
 */
import type { InstanceId } from '@radiotracer/instance';
import type { DirectorySyncs } from './directory-syncs.ts';
import { usualHeaderBytes } from './file-header.ts';
import { headerBytesOf, maxHeaderBytes } from './front-bytes.ts';
import { type InstanceState, instanceStates, isShard, type Layout, partSuffix, shardOf, whySuffix } from './layout.ts';
import { idOfFile } from './listing.ts';
import { moveAside } from './move-aside.ts';
import type { FindingKind, Findings } from './recovery-report.ts';
import type { ShardFolders } from './shard-folders.ts';
import { SpoolError, spoolErrorOf, systemCode } from './spool-error.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';
import { headerOf } from './spooled-instance.ts';
import { folderName, idSumOf, type UsageCounter } from './usage.ts';

export interface RecoveryHome {
  readonly fileSystem: SpoolFileSystem;
  readonly layout: Layout;
  readonly syncs: DirectorySyncs;
  readonly shards: ShardFolders;
  readonly usage: UsageCounter;
  readonly findings: Findings;
}

/** Folders synced at once. */
const syncsAtOnce = 8;

type Ids = Map<InstanceState, Set<InstanceId>>;

export class Recovery {
  readonly #home: RecoveryHome;

  constructor(home: RecoveryHome) {
    this.#home = home;
  }

  /**
   * Puts everything in order.
   * @returns the greatest id of a whole file in the spool: those to come must follow it
   */
  async run(): Promise<InstanceId | undefined> {
    const { fileSystem, layout, syncs, usage } = this.#home;
    await this.#incoming();
    const shards = await this.#states();
    // The renames of this run, before anything is told of them.
    await syncs.sync(layout.damaged);
    const aside = (await fileSystem.readdir(layout.damaged)).filter((name) => !name.endsWith(whySuffix));
    usage.saw('damaged', aside.length, 0);
    return await this.#lastId(shards);
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

  /** @returns the shards that there are, in order */
  async #states(): Promise<readonly string[]> {
    const { layout } = this.#home;
    const shards = new Map<string, InstanceState[]>();
    const misplaced: string[] = [];
    for (const state of instanceStates) {
      for (const name of await this.#names(layout.state(state))) {
        const path = `${layout.state(state)}/${name}`;
        if (idOfFile(name) !== undefined) misplaced.push(path);
        else if (!isShard(name)) this.#find('unknown-file', path, 'not a folder of the spool');
        else if (shards.get(name)?.push(state) === undefined) shards.set(name, [state]);
      }
    }
    const folders: string[] = [];
    for (const [shard, states] of shards) {
      const ids: Ids = new Map();
      for (const state of states) {
        const found = await this.#shard(state, shard, misplaced);
        if (found === undefined) continue;
        folders.push(layout.shard(state, shard));
        ids.set(state, found);
      }
      if (ids.size > 1) await this.#duplicates(ids);
      for (const [state, found] of ids) this.#seen(state, shard, found);
    }
    for (const path of misplaced) {
      const place = await this.#putInPlace(path);
      if (place === undefined) continue;
      folders.push(place.folder);
      if (!shards.has(place.shard)) shards.set(place.shard, []);
    }
    await this.#syncAll(new Set(folders));
    return [...shards.keys()].sort();
  }

  #seen(state: InstanceState, shard: string, ids: ReadonlySet<InstanceId>): void {
    const { usage, shards, layout } = this.#home;
    usage.saw(folderName(state, shard), ids.size, idSumOf(ids));
    shards.count(layout.shard(state, shard), ids.size);
  }

  /** What belongs there, by its name; undefined: the folder was left over, and is gone. */
  async #shard(state: InstanceState, shard: string, misplaced: string[]): Promise<Set<InstanceId> | undefined> {
    const { fileSystem, layout } = this.#home;
    const folder = layout.shard(state, shard);
    const ids = new Set<InstanceId>();
    const names = await this.#names(folder);
    if (names.length === 0) {
      // One that cannot be removed, or was not to be read, stays.
      return await fileSystem.rmdir(folder).then(
        () => undefined,
        () => ids,
      );
    }
    for (const name of names) {
      const id = idOfFile(name);
      if (id === undefined) this.#find('unknown-file', `${folder}/${name}`, 'not a file of the spool');
      else if (shardOf(id) !== shard) misplaced.push(`${folder}/${name}`);
      else ids.add(id);
    }
    return ids;
  }

  /** Of the same instance in several states the first that is whole stays. */
  async #duplicates(ids: Ids): Promise<void> {
    const { layout } = this.#home;
    const states = new Map<InstanceId, InstanceState[]>();
    for (const [state, found] of ids) for (const id of found) if (states.get(id)?.push(state) === undefined) states.set(id, [state]);
    for (const [id, inStates] of states) {
      if (inStates.length === 1) continue;
      let isThere = false;
      for (const state of inStates) {
        const path = layout.file(state, id);
        if (isThere) {
          if (await this.#aside('duplicate', path, 'the same instance stands in another state, and stays there'))
            ids.get(state)?.delete(id);
          continue;
        }
        const front = await this.#look(id, path);
        isThere = front === 'whole';
        if (front === 'gone') ids.get(state)?.delete(id);
      }
    }
  }

  /** Somebody moved it by hand; where it lies it would never be found by its id. @returns where, if it was put there */
  async #putInPlace(path: string): Promise<{ readonly shard: string; readonly folder: string } | undefined> {
    const { fileSystem, layout, shards, usage } = this.#home;
    const [state, ...below] = path.slice(layout.dir.length + 1).split('/') as [InstanceState, ...string[]];
    const id = idOfFile(below.at(-1) ?? '');
    if (id === undefined) return undefined;
    for (const other of instanceStates) {
      const there = layout.file(other, id);
      if (!(await this.#isThere(there))) continue;
      if ((await this.#look(id, there)) === 'gone') {
        usage.saw(folderName(other, shardOf(id)), -1, idSumOf([id]));
        await shards.left(layout.shard(other, shardOf(id)), true);
        continue;
      }
      await this.#aside('duplicate', path, 'the same instance stands where it belongs');
      return undefined;
    }
    const to = layout.file(state, id);
    const shard = shardOf(id);
    const folder = layout.shard(state, shard);
    try {
      await shards.putInto(layout.state(state), folder, () => fileSystem.rename(path, to));
    } catch (error) {
      this.#find('unreadable', path, spoolErrorOf(error, 'rename', path).message);
      return undefined;
    }
    this.#home.findings.add({ kind: 'misplaced', path, why: 'not the folder of its id', movedTo: to });
    usage.saw(folderName(state, shard), 1, idSumOf([id]));
    return { shard, folder };
  }

  /** Of whole files alone: somebody's file may be called by an id that is far in the future. */
  async #lastId(shards: readonly string[]): Promise<InstanceId | undefined> {
    const { layout } = this.#home;
    for (const shard of shards.toReversed()) {
      const found: [id: InstanceId, path: string][] = [];
      for (const state of instanceStates) {
        for (const name of await this.#namesIfThere(layout.shard(state, shard))) {
          const id = idOfFile(name);
          if (id !== undefined && shardOf(id) === shard) found.push([id, layout.file(state, id)]);
        }
      }
      found.sort(([left], [right]) => (left < right ? 1 : -1));
      for (const [id, path] of found) if (this.#hasFront(id, path)) return id;
    }
    return undefined;
  }

  /** Holds the file against its envelope; a damaged one is moved aside. */
  async #look(id: InstanceId, path: string): Promise<'whole' | 'unreadable' | 'gone'> {
    try {
      this.#readFront(id, path);
      return 'whole';
    } catch (error) {
      // Taken away by hand, just now.
      if (systemCode(error) === 'ENOENT') return 'gone';
      if (error instanceof SpoolError) return (await this.#aside('damaged', path, error.message)) ? 'gone' : 'unreadable';
      // A disk that does not answer now may answer tomorrow: what was acknowledged is not put out of sight for that. The survey tells of it.
      return 'unreadable';
    }
  }

  #hasFront(id: InstanceId, path: string): boolean {
    try {
      this.#readFront(id, path);
      return true;
    } catch {
      // The survey says what is wrong with it.
      return false;
    }
  }

  #readFront(id: InstanceId, path: string): void {
    const { fileSystem } = this.#home;
    let head: Buffer = Buffer.allocUnsafe(usualHeaderBytes);
    let { headBytes, fileBytes } = fileSystem.readHeadNow(path, head);
    const wanted = headerBytesOf(head.subarray(0, headBytes));
    if (wanted !== undefined && wanted > head.length) {
      head = Buffer.allocUnsafe(maxHeaderBytes);
      ({ headBytes, fileBytes } = fileSystem.readHeadNow(path, head));
    }
    headerOf(head.subarray(0, headBytes), fileBytes, path, id);
  }

  /** A run before this one may have ended between a rename and its sync: what is reported as there must stay there. */
  async #syncAll(folders: ReadonlySet<string>): Promise<void> {
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

  /** @returns whether it is there now */
  async #aside(kind: FindingKind, path: string, why: string): Promise<boolean> {
    try {
      const movedTo = await moveAside(this.#home.fileSystem, this.#home.layout, path, `${kind}: ${why}`);
      this.#home.findings.add({ kind, path, why, movedTo });
      return true;
    } catch (error) {
      this.#find('unreadable', path, `${why}; and it could not be moved aside: ${spoolErrorOf(error, 'rename', path).message}`);
      return false;
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

  async #namesIfThere(folder: string): Promise<readonly string[]> {
    return await this.#home.fileSystem.readdir(folder).catch(() => []);
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
