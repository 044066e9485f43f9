import { type GiveWay, oneTurn } from './give-way.ts';
import { isShard, type Layout, partSuffix, whySuffix } from './layout.ts';
import { idOfFile } from './listing.ts';
import { systemCode } from './spool-error.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';
import { type Amount, type FolderName, folderName, type Place } from './usage.ts';

/** Files looked at at once: few, for others read and write meanwhile; and between two turns of others. */
const lookahead = 4;
const filesPerStep = 64;

/** The names of the spool's files in a folder; none where there is no such folder. Rejects with the system's error. */
export async function filesIn(fileSystem: SpoolFileSystem, layout: Layout, folder: FolderName): Promise<readonly string[]> {
  const isOurs = ownNames[folder === 'incoming' || folder === 'damaged' ? folder : 'state'];
  return (await namesIn(fileSystem, `${layout.dir}/${folder}`)).filter(isOurs);
}

/** What these files add up to; those that have gone meanwhile do not count. Rejects with the system's error. */
export async function amountOf(
  fileSystem: SpoolFileSystem,
  layout: Layout,
  folder: FolderName,
  names: readonly string[],
  giveWay: GiveWay = oneTurn,
): Promise<Amount> {
  let [instances, bytes] = [0, 0];
  for (let at = 0; at < names.length; at += lookahead) {
    if (at % filesPerStep === 0) await giveWay();
    const sizes = await Promise.all(names.slice(at, at + lookahead).map((name) => bytesOf(fileSystem, `${layout.dir}/${folder}/${name}`)));
    for (const size of sizes) {
      if (size === undefined) continue;
      instances++;
      bytes += size;
    }
  }
  return { instances, bytes };
}

/** The folders that make up a place. Rejects with the system's error. */
export async function foldersOf(fileSystem: SpoolFileSystem, layout: Layout, place: Place): Promise<readonly FolderName[]> {
  if (place === 'incoming' || place === 'damaged') return [place];
  const shards = (await namesIn(fileSystem, layout.state(place))).filter(isShard);
  return shards.sort().map((shard) => folderName(place, shard));
}

const ownNames = {
  state: (name: string) => idOfFile(name) !== undefined,
  incoming: (name: string) => name.endsWith(partSuffix),
  damaged: (name: string) => !name.endsWith(whySuffix),
};

async function namesIn(fileSystem: SpoolFileSystem, path: string): Promise<string[]> {
  try {
    return [...(await fileSystem.readdir(path))];
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function bytesOf(fileSystem: SpoolFileSystem, path: string): Promise<number | undefined> {
  try {
    return (await fileSystem.stat(path)).bytes;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
