import type { DirectorySyncs } from './directory-syncs.ts';
import { instanceStates, type Layout } from './layout.ts';
import { SpoolError, systemCode } from './spool-error.ts';
import type { FileLock, SpoolFileSystem } from './spool-file-system.ts';

/**
 * Makes the spool's folders, durably, and takes its lock; nothing is looked at before the lock is held.
 * @throws SpoolError `locked`, or the system's error
 */
export async function makeSpoolFolders(fileSystem: SpoolFileSystem, layout: Layout, syncs: DirectorySyncs): Promise<FileLock> {
  await makeWithParents(fileSystem, layout.dir);
  const lock = await fileSystem.lock(layout.lock);
  if (lock === undefined) throw lockedError(layout);
  try {
    for (const path of [layout.incoming, layout.damaged, ...instanceStates.map((state) => layout.state(state))])
      await fileSystem.mkdir(path);
    await syncs.sync(layout.dir);
    await syncParents(syncs, layout.dir);
  } catch (error) {
    await lock.release();
    throw error;
  }
  return lock;
}

export function lockedError({ dir, lock }: Layout): SpoolError {
  return new SpoolError({
    code: 'locked',
    operation: 'open',
    where: dir,
    what: 'another live process has this spool',
    advice: `Stop it, or give each its own spool.dir; \`fuser ${lock}\` names it`,
  });
}

async function makeWithParents(fileSystem: SpoolFileSystem, path: string): Promise<void> {
  try {
    await fileSystem.mkdir(path);
  } catch (error) {
    const parent = parentOf(path);
    if (systemCode(error) !== 'ENOENT' || parent === undefined) throw error;
    await makeWithParents(fileSystem, parent);
    await fileSystem.mkdir(path);
  }
}

/**
 * Up to the root, for they may be ours: made now, or by a run that ended before its sync. Those that we may not even open are not, and some
 * (of other kinds of volumes) cannot be synced.
 */
async function syncParents(syncs: DirectorySyncs, dir: string): Promise<void> {
  let path = parentOf(dir);
  while (path !== undefined) {
    try {
      await syncs.sync(path);
    } catch (error) {
      if (!['EACCES', 'EPERM', 'EINVAL', 'EROFS'].includes(systemCode(error) ?? '')) throw error;
    }
    path = parentOf(path);
  }
}

function parentOf(path: string): string | undefined {
  const slash = path.lastIndexOf('/');
  if (path === '/' || path === '.' || path === '') return undefined;
  if (slash < 0) return '.';
  return slash === 0 ? '/' : path.slice(0, slash);
}
