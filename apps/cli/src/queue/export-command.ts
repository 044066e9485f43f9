import { mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { QueueEntry } from '@radiotracer/queue';
import { SpoolError } from '@radiotracer/spool';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { counted, size } from '../lab/figures.ts';
import type { Surroundings } from '../surroundings.ts';
import { entryJson } from './entry-json.ts';
import { type EntrySource, ofSchedule } from './entry-source.ts';
import { exportFile } from './export-file.ts';
import { ManifestFile } from './manifest-file.ts';
import { progressLine } from './progress.ts';
import { isUntouched, neverStarted, type QueueHome, whyNoSchedule } from './queue-home.ts';
import { filterForChange, filterOf } from './selection.ts';
import { type SourceOptions, spoolSource } from './source-of.ts';
import { syncFolder } from './synced-folder.ts';
import { iso } from './words.ts';

interface Counts {
  exported: number;
  bytes: number;
  failed: number;
  /** Delivered or removed while this ran. */
  gone: number;
  others: number;
}

/**
 * Copies what is selected into a folder of its own, as DICOM Part 10 files, and says in `manifest.json` what they are. Changes nothing. A
 * file that is damaged is told, and the others are copied all the same.
 */
export async function exportCommand(
  target: string,
  ids: readonly string[],
  options: SourceOptions,
  home: QueueHome,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { out, err, now, version } = surroundings;
  const json = options.json === true;
  if (await isUntouched(home)) throw new CommandFailure(ExitCode.failed, `${neverStarted(home)}: there is nothing to export`);
  // Who was asked by `rm --all` for a copy beforehand comes with the same options.
  const filter = options.all === true ? filterForChange(ids, options, now()) : filterOf(ids, options, now());
  const { source, isFromSpool, unreadable } = await sourceFor(options, home, surroundings);
  const folder = await emptyFolder(target);
  const head = { exportedAt: iso(now()), radiotracer: version, spool: home.folder.dir, schedule: isFromSpool ? null : home.place };
  const manifest = await ManifestFile.create(join(folder, 'manifest.json'), head).catch((error: unknown) => {
    throw cannotWrite(folder, error);
  });
  const counts: Counts = { exported: 0, bytes: 0, failed: 0, gone: 0, others: 0 };
  const progress = progressLine(surroundings, 'exporting', json);
  const missingIds = new Set(ids);
  try {
    for await (const entries of source(filter)) {
      for (const entry of entries) {
        missingIds.delete(entry.id);
        const told = await one(entry, folder, home, counts);
        await manifest.add({ ...entryJson(entry), ...told });
        if (told.error !== null) {
          progress.clear();
          err(`${entry.id}: ${told.error}\n`);
        }
        progress.update(counts.exported);
      }
    }
    counts.failed += unreadable();
    await manifest.finish({ ...counts, complete: counts.failed === 0 && counts.others === 0 });
    // Whoever reads that it is done may remove what was copied.
    await syncFolder(folder).catch((error: unknown) => {
      throw cannotWrite(folder, error);
    });
  } catch (error) {
    await manifest.abandon();
    throw error;
  } finally {
    progress.clear();
  }
  for (const id of missingIds) err(`${id}: nothing of this id is queued\n`);
  const notFound = [...missingIds];
  if (json) out(`${JSON.stringify({ folder, fromSpool: isFromSpool, ...counts, notFound }, undefined, 2)}\n`);
  else tell(counts, folder, surroundings);
  return counts.failed === 0 && counts.others === 0 && notFound.length === 0 ? ExitCode.ok : ExitCode.failed;
}

/** The spool alone when that is asked for, or when the schedule is not to be had. */
async function sourceFor(
  options: SourceOptions,
  home: QueueHome,
  { err }: Surroundings,
): Promise<{ readonly source: EntrySource; readonly isFromSpool: boolean; readonly unreadable: () => number }> {
  let unreadable = 0;
  const failed = (error: SpoolError) => {
    unreadable++;
    err(`${error.message}\n`);
  };
  const why = options.fromSpool === true ? undefined : await whyNoSchedule(home);
  if (options.fromSpool !== true && why === undefined) return { source: ofSchedule(home.queue), isFromSpool: false, unreadable: () => 0 };
  const source = spoolSource(home, options, failed);
  if (why !== undefined)
    err(`the schedule ${home.place} is not available (${why}): exporting from the spool alone, without attempts and errors\n`);
  return { source, isFromSpool: true, unreadable: () => unreadable };
}

async function one(
  entry: QueueEntry,
  folder: string,
  { spools }: QueueHome,
  counts: Counts,
): Promise<{ readonly file: string | null; readonly sha256: string | null; readonly error: string | null }> {
  const nothing = { file: null, sha256: null };
  const view = spools.get(entry.ownerId)?.view;
  if (view === undefined) {
    counts.others++;
    return { ...nothing, error: `its file is in the spool of another proxy (${entry.ownerId}): export it there` };
  }
  try {
    const instance = await view.read(entry.id);
    try {
      const { digest: sha256, calledAeTitle, sourceAddress, routeId } = instance.envelope;
      const file = await exportFile(instance, folder);
      counts.exported++;
      counts.bytes += instance.bytes;
      return { file, sha256, ...{ fileBytes: instance.bytes, calledAet: calledAeTitle, sourceAddress, route: routeId }, error: null };
    } finally {
      await instance.close();
    }
  } catch (error) {
    if (!(error instanceof SpoolError)) throw cannotWrite(folder, error);
    if (error.code === 'unknown-instance' && entry.state !== 'dead') {
      counts.gone++;
      return { ...nothing, error: 'delivered or removed meanwhile' };
    }
    counts.failed++;
    return { ...nothing, error: error.message };
  }
}

/** @throws CommandFailure (failed): nothing is ever written over, or between others' files */
async function emptyFolder(target: string): Promise<string> {
  const folder = resolve(target);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if ((await readdir(folder)).length === 0) return folder;
  } catch (error) {
    throw cannotWrite(folder, error);
  }
  throw new CommandFailure(ExitCode.failed, `${folder}: not empty; export into a folder of its own`);
}

function cannotWrite(folder: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string') return error;
  return new CommandFailure(ExitCode.failed, `${folder}: cannot be written (${code}); the spool is as it was`);
}

function tell({ exported, bytes, failed, gone, others }: Counts, folder: string, { out, err }: Surroundings): void {
  out(`${counted(exported, 'instance')}, ${size(bytes)}, exported to ${folder}\n`);
  if (gone > 0) err(`${gone} delivered or removed meanwhile\n`);
  if (others > 0) err(`${others} of other proxies: export them there\n`);
  if (failed > 0) err(`${failed} could not be exported\n`);
}
