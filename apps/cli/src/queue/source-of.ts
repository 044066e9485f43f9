import type { SpoolError } from '@radiotracer/spool';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import type { Surroundings } from '../surroundings.ts';
import { type EntrySource, ofSchedule, ofSpools } from './entry-source.ts';
import { isUntouched, mustHaveSchedule, neverStarted, type QueueHome } from './queue-home.ts';
import type { SelectionOptions } from './selection.ts';

export interface SourceOptions extends SelectionOptions {
  readonly fromSpool?: boolean;
}

/** What to do without a schedule, of commands that only look. */
export const filesInstead = 'the files can be looked at without it: --from-spool';

/**
 * Where a command reads its entries from; undefined, and told why: there is nothing that could be waiting. `unread`: of a file that could not be read,
 * so that it is lacking.
 */
export async function sourceOf(
  home: QueueHome,
  options: SourceOptions,
  err: Surroundings['err'],
  unread: () => void = () => {},
): Promise<EntrySource | undefined> {
  if (await isUntouched(home)) {
    err(`${neverStarted(home)}: nothing is queued\n`);
    return undefined;
  }
  const failed = (error: SpoolError) => {
    err(`${error.message}\n`);
    unread();
  };
  if (options.fromSpool === true) return spoolSource(home, options, failed);
  await mustHaveSchedule(home, filesInstead);
  return ofSchedule(home.queue);
}

/** @throws CommandFailure (usage) where the spool does not know what is asked for */
export function spoolSource(home: QueueHome, options: SourceOptions, failed: (error: SpoolError) => void): EntrySource {
  if (options.error !== undefined || options.state === 'leased') {
    throw new CommandFailure(ExitCode.usage, 'errors, and what is being sent, are known to the schedule alone');
  }
  return ofSpools(home.spools.values(), failed);
}
