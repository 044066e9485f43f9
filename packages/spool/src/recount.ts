import { amountOf, filesIn, foldersOf } from './folder-amount.ts';
import type { GiveWay } from './give-way.ts';
import { instanceStates, type Layout } from './layout.ts';
import { idOfFile } from './listing.ts';
import type { ShardFolders } from './shard-folders.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';
import { type FolderName, idSumOf, type UsageCounter } from './usage.ts';

interface RecountHome {
  readonly fileSystem: SpoolFileSystem;
  readonly layout: Layout;
  readonly usage: UsageCounter;
  readonly shards: ShardFolders;
  /** Folders that are passed over, because too much is under way in them. */
  readonly isBusy: (folder: FolderName) => boolean;
  readonly isClosed: () => boolean;
  readonly giveWay: GiveWay;
}

/** Between two counts; and while the spool says that it is full. */
const recountMs = 60_000;
const fullRecountMs = 5_000;
/** The first count goes over what is left again and again, and so often without having counted anything. */
const mostVainPasses = 3;

/** Counts the bytes that a start has left uncounted, and corrects the counts now and then. */
export class Recounter {
  readonly #home: RecountHome;
  readonly #now: () => number;
  #lastMs: number;
  #counting: Promise<void> | undefined;

  constructor(home: RecountHome, now: () => number) {
    this.#home = home;
    this.#now = now;
    this.#lastMs = now();
  }

  /**
   * Counts if something was never counted or the last time is long ago, or waits for the count under way. Never rejects: what cannot be
   * counted stays as it is known.
   */
  ifDue(isFull: boolean): Promise<void> {
    // Not `<`: the clock may have stepped back.
    const isDue = Math.abs(this.#now() - this.#lastMs) >= (isFull ? fullRecountMs : recountMs);
    if (isDue || !this.#home.usage.isCounted) this.#counting ??= this.#count();
    return this.#counting ?? Promise.resolve();
  }

  async #count(): Promise<void> {
    if (this.#home.usage.isCounted) await recount(this.#home).catch(() => {});
    else await firstCount(this.#home);
    this.#lastMs = this.#now();
    this.#counting = undefined;
  }
}

/** Until nothing is left to be counted, or what is left is busy now: the next call goes on. */
async function firstCount(home: RecountHome): Promise<void> {
  const { usage, isBusy, isClosed } = home;
  let left = usage.uncounted.size;
  for (let vain = 0; left > 0 && vain < mostVainPasses; ) {
    const touched = usage.watch();
    for (const folder of [...usage.uncounted].sort()) {
      if (isClosed()) return;
      // What a disk would not read is tried again by the next call.
      if (!isBusy(folder)) await countFolder(home, folder, touched).catch(() => {});
    }
    vain = usage.uncounted.size < left ? 0 : vain + 1;
    left = usage.uncounted.size;
  }
}

/**
 * Looks for what others did: an operator's command line moves and removes files beside the process that counts them. Names are counted in
 * every folder, and only where they are not the ones that are known are the files looked at. A folder in which this process
 * changed something meanwhile is left for the next time. So is what a change under way makes wrong: the next count finds it.
 */
async function recount(home: RecountHome): Promise<void> {
  const { fileSystem, layout, usage, isBusy } = home;
  const touched = usage.watch();
  const folders = new Set<FolderName>(usage.folders().filter((folder) => folder !== 'incoming'));
  for (const place of [...instanceStates, 'damaged' as const]) {
    for (const folder of await foldersOf(fileSystem, layout, place)) folders.add(folder);
  }
  for (const folder of folders) if (!isBusy(folder)) await countFolder(home, folder, touched);
}

async function countFolder(home: RecountHome, folder: FolderName, touched: ReadonlySet<FolderName>): Promise<void> {
  const { fileSystem, layout, usage, shards, giveWay } = home;
  const names = await filesIn(fileSystem, layout, folder);
  const known = usage.amount(folder);
  const idSum = folder === 'damaged' ? 0 : idSumOf(names.flatMap((name) => idOfFile(name) ?? []));
  const isAsKnown = known.isCounted && names.length === known.instances && idSum === known.idSum;
  if (isAsKnown || touched.has(folder)) return;
  const found = await amountOf(fileSystem, layout, folder, names, giveWay);
  if (touched.has(folder)) return;
  usage.correct(folder, { ...found, idSum });
  if (folder !== 'damaged') shards.count(`${layout.dir}/${folder}`, found.instances - known.instances);
}
