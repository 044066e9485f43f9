import { amountOf, filesIn, foldersOf } from './folder-amount.ts';
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
}

/** Between two counts; and while the spool says that it is full. */
const recountMs = 60_000;
const fullRecountMs = 5_000;

/** Corrects the counts now and then. */
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

  /** Counts if the last time is long ago, or waits for the count under way. Never rejects: what cannot be counted stays as it is known. */
  ifDue(isFull: boolean): Promise<void> {
    // Not `<`: the clock may have stepped back.
    const isDue = Math.abs(this.#now() - this.#lastMs) >= (isFull ? fullRecountMs : recountMs);
    if (isDue) this.#counting ??= this.#count();
    return this.#counting ?? Promise.resolve();
  }

  async #count(): Promise<void> {
    await recount(this.#home).catch(() => {});
    this.#lastMs = this.#now();
    this.#counting = undefined;
  }
}

/**
 * Looks for what others did: an operator's command line moves and removes files beside the process that counts them. Names are counted in
 * every folder, and only where they are not the ones that are known are the files looked at. A folder in which this process
 * changed something meanwhile is left for the next time. So is what a change under way makes wrong: the next count finds it.
 */
async function recount({ fileSystem, layout, usage, shards, isBusy }: RecountHome): Promise<void> {
  const touched = usage.watch();
  const folders = new Set<FolderName>(usage.folders().filter((folder) => folder !== 'incoming'));
  for (const place of [...instanceStates, 'damaged' as const]) {
    for (const folder of await foldersOf(fileSystem, layout, place)) folders.add(folder);
  }
  for (const folder of folders) {
    if (isBusy(folder)) continue;
    const names = await filesIn(fileSystem, layout, folder);
    const known = usage.amount(folder);
    const idSum = folder === 'damaged' ? 0 : idSumOf(names.flatMap((name) => idOfFile(name) ?? []));
    if ((names.length === known.instances && idSum === known.idSum) || touched.has(folder)) continue;
    const found = await amountOf(fileSystem, layout, folder, names);
    if (touched.has(folder)) continue;
    usage.correct(folder, { ...found, idSum });
    if (folder !== 'damaged') shards.count(`${layout.dir}/${folder}`, found.instances - known.instances);
  }
}
