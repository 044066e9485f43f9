/** What stands in the states, in order of arrival: folders, then names, sort by time. */
import { type InstanceId, isInstanceId } from '@radiotracer/instance';
import { fileSuffix, type InstanceState, isShard, type Layout, shardOf } from './layout.ts';
import { type SpoolError, spoolErrorOf, systemCode } from './spool-error.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';
import { type ListedInstance, lookAt } from './spooled-instance.ts';

/** Heads read at once: enough for a disk to have something to do, few enough not to fill Node's thread pool for long. */
const lookahead = 8;

/** The id in a name of ours, or undefined. */
export function idOfFile(name: string): InstanceId | undefined {
  if (!name.endsWith(fileSuffix)) return undefined;
  const id = name.slice(0, -fileSuffix.length);
  return isInstanceId(id) ? id : undefined;
}

/**
 * Reads the fronts while others write: what has gone meanwhile is passed over, what came after its folder was read is not in it. A file that
 * cannot be read is told to `failed` and passed over.
 */
export async function* listInstances(
  fileSystem: SpoolFileSystem,
  layout: Layout,
  states: readonly InstanceState[],
  failed: (error: SpoolError, id: InstanceId) => void,
): AsyncGenerator<ListedInstance, void, undefined> {
  for (const state of states) {
    for (const shard of await sortedNames(fileSystem, layout.state(state))) {
      if (!isShard(shard)) continue;
      const ids: InstanceId[] = [];
      for (const name of await sortedNames(fileSystem, layout.shard(state, shard))) {
        const id = idOfFile(name);
        if (id !== undefined && shardOf(id) === shard) ids.push(id);
      }
      yield* readAhead(ids, (id) => listed(fileSystem, layout, state, id, failed));
    }
  }
}

async function listed(
  fileSystem: SpoolFileSystem,
  layout: Layout,
  state: InstanceState,
  id: InstanceId,
  failed: (error: SpoolError, id: InstanceId) => void,
): Promise<ListedInstance | undefined> {
  const path = layout.file(state, id);
  try {
    return await lookAt(fileSystem, path, state, id);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') failed(spoolErrorOf(error, 'list', path), id);
    return undefined;
  }
}

/** In order, `lookahead` of them under way. `load` never rejects. */
async function* readAhead<T>(ids: readonly InstanceId[], load: (id: InstanceId) => Promise<T | undefined>): AsyncGenerator<T> {
  const ahead: Promise<T | undefined>[] = [];
  let at = 0;
  while (at < ids.length || ahead.length > 0) {
    for (; ahead.length < lookahead && at < ids.length; at++) {
      const id = ids[at];
      if (id !== undefined) ahead.push(load(id));
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
