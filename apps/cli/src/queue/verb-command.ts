/** hold, release, retry: what was done, and what was left and why. */
import { QueueUnavailable } from '@radiotracer/queue';
import { ExitCode } from '../exit-code.ts';
import { counted } from '../lab/figures.ts';
import type { Surroundings } from '../surroundings.ts';
import { progressLine } from './progress.ts';
import { isUntouched, mustHaveSchedule, neverStarted, notAvailable, type QueueHome } from './queue-home.ts';
import { filterForChange, type SelectionOptions } from './selection.ts';
import { Tally } from './tally.ts';
import { applyVerb, type VerbName } from './verbs.ts';

const done: Readonly<Record<VerbName | 'rm', string>> = { hold: 'held', release: 'released', retry: 'due now', rm: 'removed' };
const doing: Readonly<Record<VerbName, string>> = { hold: 'holding', release: 'releasing', retry: 'retrying' };
const sendingText: Readonly<Record<VerbName | 'rm', string>> = {
  hold: 'being sent now: held if that fails',
  release: 'being sent now',
  retry: 'being sent now',
  rm: 'being sent now, and stay: hold them first',
};

export async function verbCommand(
  verb: VerbName,
  ids: readonly string[],
  options: SelectionOptions,
  home: QueueHome,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const filter = filterForChange(ids, options, surroundings.now());
  const isNew = await isUntouched(home);
  if (isNew) surroundings.err(`${neverStarted(home)}: nothing is queued\n`);
  else await mustHaveSchedule(home);
  const progress = progressLine(surroundings, doing[verb], options.json === true);
  const tally = new Tally(ids, (matched) => progress.update(matched));
  if (!isNew) {
    const { queue, spools } = home;
    try {
      await applyVerb(verb, { queue, spools, now: surroundings.now, tally }, filter);
    } catch (error) {
      progress.clear();
      throw cutShort(error, home, tally);
    }
  }
  progress.clear();
  return tellTally(verb, tally, options, surroundings);
}

/** The schedule went away in the middle. */
export function cutShort(error: unknown, home: QueueHome, { changed }: Tally): unknown {
  if (!(error instanceof QueueUnavailable)) return error;
  const isKnown = error.code !== 'timeout' && error.code !== 'disconnected';
  const so =
    changed === 0 && isKnown
      ? 'nothing was changed'
      : `${counted(changed, 'instance was', 'instances were')} done before; the same command again goes on`;
  return notAvailable(home, error.message, so);
}

export function tellTally(verb: VerbName | 'rm', tally: Tally, options: SelectionOptions, { out, err }: Surroundings): ExitCode {
  const { changed, sending, unaffected, others, missing, failed, notFound, problems } = tally;
  if (options.json === true) {
    out(`${JSON.stringify({ verb, changed, sending, unaffected, others, missing, failed, notFound, problems }, undefined, 2)}\n`);
  } else {
    out(`${counted(changed, 'instance')} ${done[verb]}\n`);
    if (sending > 0) err(`${sending} ${sendingText[verb]}\n`);
    if (unaffected > 0) err(`${unaffected} not affected: in another state\n`);
    if (others > 0) err(`${others} of other proxies, whose spools are out of reach: run it there\n`);
    for (const id of notFound) err(`${id}: nothing of this id is queued\n`);
    for (const { id, why } of problems) err(`${id}: ${why}\n`);
    const untold = missing + failed - problems.length;
    if (untold > 0) err(`… and ${untold} more that could not be done\n`);
  }
  const isWhole = failed === 0 && others === 0 && notFound.length === 0 && (verb === 'rm' ? sending === 0 : missing === 0);
  return isWhole ? ExitCode.ok : ExitCode.failed;
}
