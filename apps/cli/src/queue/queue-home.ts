/** The schedule and the spool that a configuration names, opened beside a proxy that may be running. */
import { readdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Config } from '@radiotracer/config';
import { keptText, loadOwnerId, openQueue, ownerIdFile, type SpoolFolder, spoolFolder } from '@radiotracer/proxy';
import { type Queue, QueueUnavailable } from '@radiotracer/queue';
import { isNodeName, SpoolError, SpoolView } from '@radiotracer/spool';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { isThere, withoutPassword } from '../place.ts';
import { type ConfigOption, readConfig } from '../read-config.ts';
import type { Surroundings } from '../surroundings.ts';

/** A spool whose files can be reached from here. */
export interface ReachedSpool {
  /** Of its entries in the schedule. */
  readonly ownerId: string;
  /** What it is called: of several that share a volume the name of the proxy. */
  readonly name: string;
  readonly dir: string;
  readonly view: SpoolView;
}

export interface QueueHome {
  readonly config: Config;
  readonly folder: SpoolFolder;
  /** By owner: the configuration's own, and where several share a volume all of them. Empty: no proxy has ever had it. */
  readonly spools: ReadonlyMap<string, ReachedSpool>;
  readonly queue: Queue;
  readonly kind: 'sqlite' | 'redis';
  /** Where the schedule is, without passwords. */
  readonly place: string;
}

/** Opens, acts, closes. What is not available becomes one line that names the place. */
export async function withHome(
  options: ConfigOption,
  surroundings: Surroundings,
  act: (home: QueueHome) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { config } = await readConfig(options, surroundings);
  return await withHomeOf(config, act);
}

/** As {@link withHome}, of a configuration that has been read. */
export async function withHomeOf<T>(config: Config, act: (home: QueueHome) => Promise<T>): Promise<T> {
  const folder = spoolFolder(config);
  const { redis } = config.queue;
  const home: QueueHome = {
    config,
    folder,
    spools: config.spool.shared ? await sharedSpools(folder) : await reached('this', folder.dir),
    queue: await openQueue(config, 'refuse'),
    kind: redis === undefined ? 'sqlite' : 'redis',
    place: redis === undefined ? folder.queue : withoutPassword(redis),
  };
  try {
    return await act(home);
  } catch (error) {
    if (error instanceof QueueUnavailable) throw notAvailable(home, error.message);
    if (error instanceof SpoolError) throw new CommandFailure(ExitCode.failed, error.message);
    throw error;
  } finally {
    await home.queue.close();
  }
}

/**
 * Why there is no schedule to be had; undefined: there is one. To be asked first: opening SQLite's would make an empty one beside a spool
 * that is not.
 */
export async function whyNoSchedule({ kind, folder, queue }: QueueHome): Promise<string | undefined> {
  if (kind === 'sqlite' && !(await isThere(folder.queue))) return 'there is none; the proxy makes it when it starts, from the spool';
  const { available, error } = await queue.health();
  return available ? undefined : (error ?? 'no reason is known');
}

/** A spool that no proxy ever had, and a schedule beside it: nothing waits, and nothing is wrong. */
export async function isUntouched({ kind, folder, spools }: QueueHome): Promise<boolean> {
  return kind === 'sqlite' && spools.size === 0 && !(await isThere(folder.queue));
}

/** @throws CommandFailure (failed) there is no schedule */
export async function mustHaveSchedule(home: QueueHome, changed?: string): Promise<void> {
  const why = await whyNoSchedule(home);
  if (why !== undefined) throw notAvailable(home, why, changed);
}

export function notAvailable({ place }: Pick<QueueHome, 'place'>, why: string, changed = 'nothing was changed'): CommandFailure {
  return new CommandFailure(ExitCode.failed, `the schedule ${place} is not available: ${why.replace(/\s+/g, ' ')}; ${changed}`);
}

export function neverStarted({ config, folder }: Pick<QueueHome, 'config' | 'folder'>): string {
  const where = isAbsolute(config.spool.dir) ? '' : ` (spool.dir is ${config.spool.dir}, from the folder that this is run in)`;
  return `no proxy has had the spool ${folder.dir} yet${where}`;
}

async function reached(name: string, dir: string): Promise<ReadonlyMap<string, ReachedSpool>> {
  const file = ownerIdFile(dir);
  const store = keptText(file);
  if ((await reading(file, store.read())) === undefined) return new Map();
  const ownerId = await loadOwnerId(store);
  return new Map([[ownerId, { ownerId, name, dir, view: new SpoolView({ dir }) }]]);
}

async function sharedSpools({ root }: SpoolFolder): Promise<ReadonlyMap<string, ReachedSpool>> {
  const spools = new Map<string, ReachedSpool>();
  const names = await reading(root, readdir(root, { withFileTypes: true }).catch(noneIfAbsent));
  for (const entry of names) {
    if (!entry.isDirectory() || !isNodeName(entry.name)) continue;
    for (const [ownerId, spool] of await reached(entry.name, join(root, entry.name))) spools.set(ownerId, spool);
  }
  return spools;
}

function noneIfAbsent(error: unknown): [] {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
  throw error;
}

async function reading<T>(path: string, read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandFailure(ExitCode.failed, `${path}: cannot be read (${code ?? String(error)}); run it as the user of the proxy`);
  }
}
