/** What a start would meet, for whoever asks before it: nothing is made, written or kept locked. */
import { access, constants, lstat, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { instanceStates, Layout } from './layout.ts';
import { isLocked } from './node-file-system.ts';
import { openErrorOf, type SpoolError, systemCode } from './spool-error.ts';
import { lockedError } from './spool-folders.ts';

/** Whether a live process has the spool in this folder; undefined: this user cannot see it. */
export function isSpoolOwned(dir: string): Promise<boolean | undefined> {
  return isLocked(new Layout(resolve(dir)).lock);
}

/** What `Spool.open` would fail with for this user, as far as can be known without doing it; undefined: nothing. */
export async function whyNotOpen(dir: string): Promise<SpoolError | undefined> {
  const layout = new Layout(resolve(dir));
  try {
    if (await isFolder(layout.dir)) await look(layout);
    else await mayMake(layout.dir);
    return undefined;
  } catch (error) {
    return openErrorOf(error, layout.dir);
  }
}

async function look(layout: Layout): Promise<void> {
  await mayUse(layout.dir);
  await access(layout.lock, constants.W_OK).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
  });
  if ((await isLocked(layout.lock)) === true) throw lockedError(layout);
  for (const path of [layout.incoming, layout.damaged, ...instanceStates.map((state) => layout.state(state))])
    if (await isFolder(path)) await mayUse(path);
}

function mayUse(folder: string): Promise<void> {
  return access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
}

/** Whether it, and all above it that are not there, could be made. The error names the one that could not. */
async function mayMake(path: string): Promise<void> {
  const parent = dirname(path);
  if (!(await isFolder(parent))) return await mayMake(parent);
  await access(parent, constants.W_OK | constants.X_OK).catch((error: unknown) => {
    throw Object.assign(error as NodeJS.ErrnoException, { path, syscall: 'mkdir' });
  });
}

/** False: there is nothing of this name. */
async function isFolder(path: string): Promise<boolean> {
  try {
    await lstat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
  // A link to nowhere is something of this name.
  if ((await stat(path)).isDirectory()) return true;
  throw Object.assign(new Error('there is something else'), { code: 'EEXIST', path });
}
