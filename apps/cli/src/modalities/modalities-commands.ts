import type { Command } from 'commander';
import type { ExitCode } from '../exit-code.ts';
import { configText } from '../read-config.ts';
import { ledgerAction } from '../studies/ledger-view.ts';
import type { Surroundings } from '../surroundings.ts';
import { type ModalitiesOptions, modalitiesLsCommand } from './ls-command.ts';
import { modalitiesShowCommand } from './show-command.ts';

/** `modalities …`: looks into the ledger, beside a running proxy and without one, and changes nothing. */
export function addModalitiesCommands(
  program: Command,
  surroundings: Surroundings,
  done: (code: ExitCode) => void,
  helpText: string,
): void {
  const modalities = program
    .command('modalities')
    .description('who sends: seen when, silent since when, how long to the PACS')
    .addHelpText('after', helpText);
  const command = (name: string, description: string, isDefault: boolean): Command =>
    modalities
      .command(name, { isDefault })
      .description(description)
      .option('-c, --config <file>', configText)
      .option('--json', 'print JSON')
      .addHelpText('after', helpText);
  const act = ledgerAction(surroundings, done);

  command('ls', 'a line for each calling AE, the silent ones first; what is done without a subcommand', true).action(
    (options: ModalitiesOptions) => act(options, (view) => modalitiesLsCommand(options, view, surroundings)),
  );

  command('show', 'all of one: its last 24 hours, its habit by hour of the week', false)
    .argument('<ae>', 'calling AE title')
    .action((aeTitle: string, options: ModalitiesOptions) =>
      act(options, (view) => modalitiesShowCommand(aeTitle, options, view, surroundings)),
    );
}
