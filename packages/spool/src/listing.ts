/** What stands in the states, in order of arrival: folders, then names, sort by time. */
import { type InstanceId, isInstanceId } from '@radiotracer/instance';
import { usualHeaderBytes } from './file-header.ts';
import { fileSuffix, type InstanceState, isShard, type Layout, shardOf } from './layout.ts';
import { type SpoolError, spoolErrorOf, systemCode } from './spool-error.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';
import { type ListedInstance, lookAt } from './spooled-instance.ts';
import { type FolderName, folderName } from './usage.ts';

/** Heads read at once: enough for a disk to have something to do, few enough not to fill Node's thread pool for long. */
const lookahead = 8;

/** The id in a name of ours, or undefined. */
export function idOfFile(name: string): InstanceId | undefined {
  if (!name.endsWith(fileSuffix)) return undefined;
  const id = name.slice(0, -fileSuffix.length);
  return isInstanceId(id) ? id : undefined;
}

/** Of these ids, those that whoever lists knows already: their files are not opened. */
export type Known = (ids: readonly InstanceId[], state: InstanceState) => Promise<ReadonlySet<InstanceId>>;

export interface ListingOptions {
  /** Told of a file that cannot be read; it is passed over. */
  readonly failed: (error: SpoolError, id: InstanceId) => void;
  readonly known?: Known | undefined;
  /** Told of each folder in which every front was read. */
  readonly read?: (folder: FolderName) => void;
}

/** What is asked for in one go; also how far it is read ahead at most. */
const idsAtOnce = 64;

/**
 * Reads the fronts while others write: what has gone meanwhile is passed over, what came after its folder was read is not in it. A file that
 * cannot be read is told to `failed` and passed over.
 */
export async function* listInstances(
  fileSystem: SpoolFileSystem,
  layout: Layout,
  states: readonly InstanceState[],
  { failed, known, read = () => {} }: ListingOptions,
): AsyncGenerator<ListedInstance, void, undefined> {
  for (const state of states) {
    for (const shard of await sortedNames(fileSystem, layout.state(state))) {
      if (!isShard(shard)) continue;
      const ids: InstanceId[] = [];
      for (const name of await sortedNames(fileSystem, layout.shard(state, shard))) {
        const id = idOfFile(name);
        if (id !== undefined && shardOf(id) === shard) ids.push(id);
      }
      let allRead = true;
      const passedOver = (error: SpoolError, id: InstanceId) => {
        allRead = false;
        failed(error, id);
      };
      for (let at = 0; at < ids.length; at += idsAtOnce) {
        const some = ids.slice(at, at + idsAtOnce);
        const skipped = await known?.(some, state);
        const wanted = skipped === undefined ? some : some.filter((id) => !skipped.has(id));
        if (wanted.length < some.length) allRead = false;
        yield* readAhead(wanted, (id, memory) => listed(fileSystem, layout, { state, id, memory }, passedOver));
      }
      if (allRead) read(folderName(state, shard));
    }
  }
}

interface Wanted {
  readonly state: InstanceState;
  readonly id: InstanceId;
  /** For its front. */
  readonly memory: Uint8Array;
}

async function listed(
  fileSystem: SpoolFileSystem,
  layout: Layout,
  { state, id, memory }: Wanted,
  failed: (error: SpoolError, id: InstanceId) => void,
): Promise<ListedInstance | undefined> {
  const path = layout.file(state, id);
  try {
    return await lookAt(fileSystem, path, state, id, memory);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') failed(spoolErrorOf(error, 'list', path), id);
    return undefined;
  }
}

/** In order, `lookahead` of them under way, each in memory that is used again. `load` never rejects. */
async function* readAhead<T>(
  ids: readonly InstanceId[],
  load: (id: InstanceId, memory: Uint8Array) => Promise<T | undefined>,
): AsyncGenerator<T> {
  const free: Uint8Array[] = [];
  const ahead: Promise<T | undefined>[] = [];
  const begin = async (id: InstanceId) => {
    const memory = free.pop() ?? new Uint8Array(new SharedArrayBuffer(usualHeaderBytes));
    const value = await load(id, memory);
    free.push(memory);
    return value;
  };
  let at = 0;
  while (at < ids.length || ahead.length > 0) {
    for (; ahead.length < lookahead && at < ids.length; at++) {
      const id = ids[at];
      if (id !== undefined) ahead.push(begin(id));
    }
    const value = await ahead.shift();
    if (value !== undefined) yield value;
  }
}

/** Empty when the folder has gone meanwhile. @throws SpoolError */
async function sortedNames(fileSystem: SpoolFileSystem, path: string): Promise<readonly string[]> {
  try {
    return [...(await fileSystem.readdir(path))].sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw spoolErrorOf(error, 'list', path);
  }
}
