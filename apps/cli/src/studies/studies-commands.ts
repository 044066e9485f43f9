import { type Command, InvalidArgumentError } from 'commander';
import type { ExitCode } from '../exit-code.ts';
import { type ConfigOption, configText } from '../read-config.ts';
import type { Surroundings } from '../surroundings.ts';
import { type StudiesCheckOptions, studiesCheckCommand } from './check-command.ts';
import { ledgerAction } from './ledger-view.ts';
import { type StudiesLsOptions, studiesLsCommand } from './ls-command.ts';
import { type StudiesShowOptions, studiesShowCommand } from './show-command.ts';
import { withRange, withSelection } from './study-selection.ts';
import { cursorFrom } from './study-source.ts';
import { type TraceOptions, traceCommand } from './trace-command.ts';

const studyText = 'Study Instance UID, or accession number';

/** `studies …` and `trace`: they look into the ledger, beside a running proxy and without one, and change nothing. */
export function addStudiesCommands(program: Command, surroundings: Surroundings, done: (code: ExitCode) => void, helpText: string): void {
  const studies = program
    .command('studies')
    .description('what came, and what arrived: the ledger of studies')
    .addHelpText('after', helpText);
  const command = (parent: Command, name: string, description: string): Command =>
    parent
      .command(name)
      .description(description)
      .option('-c, --config <file>', configText)
      .option('--json', 'print JSON')
      .addHelpText('after', helpText);
  const act = ledgerAction(surroundings, done);

  withSelection(command(studies, 'ls', 'list studies, the newest first'))
    .option('--limit <count>', 'at most so many; 0: all. Without it 50 on a terminal, else all', count)
    .option('--after <cursor>', 'go on behind these: what the list before ended with', cursor)
    .option('--wide', 'UIDs in full, accession numbers, findings, generation, nodes')
    .action((options: StudiesLsOptions) => act(options, (view) => studiesLsCommand(options, view, surroundings)));

  command(studies, 'show', 'all of one study: who says what of it, what is missing, what is lost')
    .argument('<study>', studyText)
    .action((study: string, options: StudiesShowOptions) => act(options, (view) => studiesShowCommand(study, options, view, surroundings)));

  withRange(
    command(studies, 'check', 'is anything short or lost? A line for each such study, and the totals; without --since of the last 24 h'),
  )
    .option('--strict', 'count as found, too, what the ledger did not see all of')
    .action((options: StudiesCheckOptions) => act(options, (view) => studiesCheckCommand(options, view, surroundings)));

  command(program, 'trace', "the id of a study's trace, and where to look at it")
    .argument('<study>', studyText)
    .action((study: string, options: TraceOptions & ConfigOption) =>
      act(options, (view) => traceCommand(study, options, view, surroundings)),
    );
}

function count(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Allowed: a whole number from 0.');
}

function cursor(text: string) {
  const found = cursorFrom(text);
  if (found !== undefined) return found;
  throw new InvalidArgumentError('Allowed: what a list before ended with.');
}
