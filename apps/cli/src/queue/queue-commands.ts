import { type Command, InvalidArgumentError } from 'commander';
import type { ExitCode } from '../exit-code.ts';
import { type ConfigOption, configText } from '../read-config.ts';
import type { Surroundings } from '../surroundings.ts';
import { type DestinationOption, tellUnconfigured } from '../tell-unconfigured.ts';
import { exportCommand } from './export-command.ts';
import { type ForgetOptions, forgetCommand } from './forget-command.ts';
import { type LsOptions, lsCommand } from './ls-command.ts';
import { type QueueHome, withHome } from './queue-home.ts';
import { type RmOptions, rmCommand } from './rm-command.ts';
import { duration, type SelectionOptions, withSelection } from './selection.ts';
import { showCommand } from './show-command.ts';
import type { SourceOptions } from './source-of.ts';
import { type StatsOptions, statsCommand, type WatchOptions, watchCommand } from './stats-command.ts';
import { verbCommand } from './verb-command.ts';
import type { VerbName } from './verbs.ts';

const verbs: readonly (readonly [verb: VerbName, description: string])[] = [
  ['retry', 'make due now; one that was given up gets a new retry budget'],
  ['hold', 'send no more until released; what is being sent now is held if that fails'],
  ['release', 'send what was held'],
];

const fromSpoolText = 'read the files of the spool, not the schedule: nothing is known of attempts and errors';

/** `queue …`, which works beside a running proxy and without one. */
export function addQueueCommands(program: Command, surroundings: Surroundings, done: (code: ExitCode) => void, helpText: string): void {
  const queue = program.command('queue').description('what waits to be delivered: look, and act').addHelpText('after', helpText);
  const command = (name: string, description: string): Command =>
    queue
      .command(name)
      .description(description)
      .option('-c, --config <file>', configText)
      .option('--json', 'print JSON')
      .addHelpText('after', helpText);
  const act = async (options: ConfigOption & DestinationOption, work: (home: QueueHome) => Promise<ExitCode>): Promise<void> => {
    const exitCode = await withHome(options, surroundings, (home) => {
      tellUnconfigured(options, home.config, surroundings.err);
      return work(home);
    });
    await surroundings.taken();
    done(exitCode);
  };

  withSelection(command('ls', 'list what is queued, oldest first'))
    .argument('[ids...]', 'only these')
    .option('--limit <count>', 'at most so many; 0: all. Without it 50 on a terminal, else all', count)
    .option('--wide', 'with the UIDs')
    .option('--from-spool', fromSpoolText)
    .action((ids: string[], options: LsOptions) => act(options, (home) => lsCommand(ids, options, home, surroundings)));

  command('show', 'all of one instance: why it waits, and what happened to it')
    .argument('<id>', 'as `queue ls` prints it')
    .option('--from-spool', fromSpoolText)
    .action((id: string, options: SourceOptions) => act(options, (home) => showCommand(id, options, home, surroundings)));

  command('stats', 'count: for each destination, and what the spool holds')
    .option('--from-spool', fromSpoolText)
    .action((options: StatsOptions & ConfigOption) => act(options, (home) => statsCommand(options, home, surroundings)));

  command('watch', 'stats, again and again until Ctrl-C')
    .option('--interval <duration>', 'between two', interval, 2000)
    // Stopped by a person, it waits for no reader.
    .action(async (options: WatchOptions & ConfigOption) =>
      done(await withHome(options, surroundings, (home) => watchCommand(options, home, surroundings))),
    );

  for (const [verb, description] of verbs) {
    withSelection(command(verb, description))
      .argument('[ids...]', 'these, as `queue ls` prints them')
      .option('--all', 'all that is queued')
      .action((ids: string[], options: SelectionOptions) => act(options, (home) => verbCommand(verb, ids, options, home, surroundings)));
  }

  withSelection(command('rm', 'delete for good, undelivered: says what is lost, and asks'))
    .argument('[ids...]', 'these, as `queue ls` prints them')
    .option('--all', 'all that is queued')
    .option('--yes', 'do not ask')
    .action((ids: string[], options: RmOptions) => act(options, (home) => rmCommand(ids, options, home, surroundings)));

  command('forget', 'take out of a shared schedule what a proxy had that never comes back; deletes no file, and asks')
    .argument('<owner>', 'that proxy, as `queue ls` prints it')
    .option('--yes', 'do not ask')
    .action((owner: string, options: ForgetOptions) => act(options, (home) => forgetCommand(owner, options, home, surroundings)));

  withSelection(command('export', 'copy as DICOM files, with a manifest.json; nothing is changed'))
    .argument('<dir>', 'a folder that is empty, or is made')
    .argument('[ids...]', 'only these')
    .option('--all', 'all that is queued, as without any of these')
    .option('--from-spool', `${fromSpoolText}; so is done by itself where the schedule is not available`)
    .action((dir: string, ids: string[], options: SourceOptions) =>
      act(options, (home) => exportCommand(dir, ids, options, home, surroundings)),
    );
}

function count(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Allowed: a whole number from 0.');
}

/** The longest that a timer waits; one that is to wait longer does not wait at all. */
const longestIntervalMs = 24 * 86_400_000;

function interval(text: string): number {
  const ms = duration(text);
  if (ms > 0 && ms <= longestIntervalMs) return ms;
  throw new InvalidArgumentError('Allowed: more than 0, at most 24d.');
}
