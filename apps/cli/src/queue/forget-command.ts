import type { QueueEntry } from '@radiotracer/queue';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { counted } from '../lab/figures.ts';
import { type ConfigOption, nextCommand } from '../read-config.ts';
import type { Surroundings } from '../surroundings.ts';
import { type AskOptions, askFirst } from './ask-first.ts';
import { ofSchedule } from './entry-source.ts';
import { type Loss, lossOf, lossText, maybeText } from './loss.ts';
import { progressLine } from './progress.ts';
import { mustHaveSchedule, neverStarted, type QueueHome } from './queue-home.ts';
import { Tally } from './tally.ts';
import { cutShort } from './verb-command.ts';
import { printable, span } from './words.ts';

export type ForgetOptions = ConfigOption & AskOptions;

/**
 * Takes what stands in the schedule of a proxy that never comes back out of it: nobody else would, and nobody else can send it. Files are not touched.
 * A proxy that is there all the same finds that the schedule has less than its spool, and puts it back (forwarder's scheduler): nothing is lost.
 */
export async function forgetCommand(
  ownerId: string,
  options: ForgetOptions,
  home: QueueHome,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { out, err, now } = surroundings;
  const { queue } = home;
  mustBeOutOfReach(ownerId, home);
  await mustHaveSchedule(home);
  let lease: QueueEntry['lease'];
  const loss = await lossOf(ofSchedule(queue)({ ownerId }), (entry) => {
    if (entry.lease !== undefined && entry.lease.expiresAt > now()) lease = entry.lease;
    return true;
  });
  if (loss === undefined) throw new CommandFailure(ExitCode.failed, `nothing of a proxy ${printable(ownerId)} is queued`);
  if (lease !== undefined) throw new CommandFailure(ExitCode.failed, atWork(ownerId, lease, now()));
  if (!(await askFirst(questionOf(ownerId, loss, options, now()), options, surroundings))) return ExitCode.failed;
  const progress = progressLine(surroundings, 'forgetting', options.json === true);
  const tally = new Tally();
  try {
    // Leases that have run out; who took one meanwhile keeps it.
    await queue.reclaimExpired(now());
    const { leased } = await queue.remove({ ownerId }, now(), {
      onChanged: (entries) => {
        tally.changed += entries.length;
        progress.update(tally.changed);
      },
    });
    tally.sending += leased;
  } catch (error) {
    progress.clear();
    throw cutShort(error, home, tally);
  }
  progress.clear();
  const { changed, sending } = tally;
  if (options.json === true) out(`${JSON.stringify({ verb: 'forget', owner: ownerId, changed, sending }, undefined, 2)}\n`);
  else {
    out(`${counted(changed, 'instance')} forgotten\n`);
    if (sending > 0) err(`${sending} being sent now, and stay: that proxy is at work\n`);
  }
  return sending === 0 ? ExitCode.ok : ExitCode.failed;
}

/** @throws CommandFailure (usage) its files are here, and there is more that can be done with them */
function mustBeOutOfReach(ownerId: string, home: QueueHome): void {
  const spool = home.spools.get(ownerId);
  if (spool !== undefined)
    throw new CommandFailure(
      ExitCode.usage,
      `the spool of ${printable(ownerId)} is in reach (${printable(spool.dir)}), and is delivered from there; to delete what waits in it: queue rm --owner`,
    );
  // A volume that is not mounted would make every proxy look gone.
  if (home.config.spool.shared && home.spools.size === 0)
    throw new CommandFailure(
      ExitCode.usage,
      `${neverStarted(home)}: whether that of ${printable(ownerId)} lies on the volume is not known`,
    );
}

function atWork(ownerId: string, { holder, expiresAt }: NonNullable<QueueEntry['lease']>, now: number): string {
  return `${printable(ownerId)} is sending now, by a lease of ${printable(holder)} for ${span(expiresAt - now)} more: if it is gone, again after that; nothing was changed`;
}

function questionOf(ownerId: string, loss: Loss, options: ForgetOptions, now: number) {
  const owner = printable(ownerId);
  const text = [
    `This forgets ${lossText(loss, now)}, in the spool of the proxy ${owner}, which is out of reach.`,
    'No file is deleted: if that proxy runs again, it puts them back into the schedule by itself, within minutes.',
    `If its disk is gone, so are they: they were acknowledged to the modality, and no destination has them${maybeText(loss)}.`,
    `Which they are: ${nextCommand(options)(`queue ls --owner ${owner} --wide`)}`,
    '',
  ].join('\n');
  return { text, done: 'forgotten', asked: `Forget ${counted(loss.entries, 'instance')} of the proxy ${owner}?` };
}
