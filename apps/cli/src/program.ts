import { isAeTitle } from '@radiotracer/config';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type CheckOptions, checkCommand } from './check-command.ts';
import { type EchoCommandOptions, echoCommand } from './echo-command.ts';
import { OUR_AE_TITLE } from './echo-request.ts';
import { addTlsOptions } from './echo-tls.ts';
import { CommandFailure, ExitCode } from './exit-code.ts';
import { type InstanceOptions, instanceCommand } from './instance/instance-command.ts';
import { type LabCommandOptions, labCommand } from './lab/lab-command.ts';
import { addModalitiesCommands } from './modalities/modalities-commands.ts';
import { addQueueCommands } from './queue/queue-commands.ts';
import { configText } from './read-config.ts';
import { type StartOptions, startCommand } from './start-command.ts';
import { addStudiesCommands } from './studies/studies-commands.ts';
import type { Surroundings } from './surroundings.ts';

const EXIT_CODES = `
Exit codes:
  0  done as asked; a proxy that was stopped by a signal included
  1  tried and failed: a port in use, a destination that does not answer, an instance that could not be held
  2  not tried: wrong usage, wrong or unreadable configuration
  3  of "studies check" alone: a study is short, or something of it is lost
`;

/** Runs one command line (without `node` and the script) to its end. Never fails: the exit code tells. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.ok;
  const program = commands(surroundings, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has said it already: help and version with 0, wrong usage with another code.
    if (error instanceof CommanderError) {
      if (error.code === 'commander.unknownOption' && /'(-c|--config)'/.test(error.message))
        surroundings.err(
          args[0] === 'lab'
            ? 'the lab has a configuration of its own\n'
            : 'it stands behind the whole command: radiotracer queue ls --config FILE\n',
        );
      return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    }
    const message = error instanceof Error ? error.message : String(error);
    surroundings.err(`${message}\n`);
    return error instanceof CommandFailure ? error.exitCode : ExitCode.failed;
  }
}

function commands(surroundings: Surroundings, done: (code: ExitCode) => void): Command {
  const program = new Command('radiotracer')
    .description('A DICOM proxy that relays every association as if it were not there, and tells what happened in OpenTelemetry.')
    .version(surroundings.version, '-V, --version')
    .exitOverride()
    .configureOutput({ writeOut: surroundings.out, writeErr: surroundings.err })
    .addHelpText('after', EXIT_CODES);
  const command = (name: string, description: string): Command =>
    program.command(name).description(description).option('-c, --config <file>', configText).addHelpText('after', EXIT_CODES);

  command('start', 'run the proxy until SIGTERM, SIGINT or SIGHUP: the first lets associations end, the second aborts them')
    .option('--json', 'when ready, print where it listens as one line of JSON')
    .action(async (options: StartOptions) => done(await startCommand(options, surroundings)));

  command('check', 'check the configuration, what a start would fail of, and that every destination can be reached and answers a C-ECHO')
    .option('--calling-aet <title>', `AE title to call as; without it a route's, else ${OUR_AE_TITLE}`, aeTitle)
    .option('--json', 'print JSON')
    .action(async (options: CheckOptions) => done(await checkCommand(options, surroundings)));

  addTlsOptions(command('echo', 'send one C-ECHO'))
    .argument('<destination | host:port>', 'a destination of the configuration, or an address')
    .option('--called-aet <title>', "AE title to call; without it the destination's, else ANY-SCP", aeTitle)
    .option('--calling-aet <title>', `AE title to call as; without it a route's, else ${OUR_AE_TITLE}`, aeTitle)
    .option('--json', 'print JSON')
    .action(async (target: string, options: EchoCommandOptions) => done(await echoCommand(target, options, surroundings)));

  addQueueCommands(program, surroundings, done, EXIT_CODES);
  addStudiesCommands(program, surroundings, done, EXIT_CODES);
  command('instance', 'what became of one image: when it came, where it is, what waits')
    .argument('<uid>', 'SOP Instance UID')
    .option('--json', 'print JSON')
    .action(async (uid: string, options: InstanceOptions) => {
      const exitCode = await instanceCommand(uid, options, surroundings);
      await surroundings.taken();
      done(exitCode);
    });
  addModalitiesCommands(program, surroundings, done, EXIT_CODES);

  program
    .command('lab')
    .description('a demonstration on this machine alone: CT studies through the proxy into a small PACS, and what is told of them')
    .addOption(new Option('--slices <counts>', 'instances of each series').argParser(counts).default([24, 12], '24,12'))
    .option('--size <pixels>', 'rows and columns of a slice', between(16, 2048), 256)
    .option('--port <port>', 'where the proxy listens; 0: any free port', between(0, 65_535), 0)
    .option('--no-short', 'without the study of which the modality withholds two slices')
    .option('--no-outage', 'without the study during which the PACS dies and comes back')
    .option('--trace-link <url>', 'where a trace can be looked at', traceLink, 'http://localhost:16686/trace/{traceId}')
    .option('--stay', 'keep proxy and PACS running until Ctrl-C; the default on a terminal')
    .option('--no-stay', 'end after the studies; the default when the output goes to a pipe or a file')
    .option('--json', 'print a line of JSON for each event')
    .addHelpText('after', EXIT_CODES)
    .action(async (options: LabCommandOptions) => done(await labCommand(options, surroundings)));

  return program;
}

const maxInstances = 5000;

/** `24,12`. */
function counts(text: string): readonly number[] {
  const numbers = text.split(',').map(Number);
  const total = numbers.reduce((sum, count) => sum + count, 0);
  if (numbers.every((count) => Number.isInteger(count) && count > 0) && total <= maxInstances) return numbers;
  throw new InvalidArgumentError(`Allowed: whole numbers from 1, with commas between them, ${maxInstances} in all.`);
}

function between(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`Allowed: ${least} to ${most}.`);
  };
}

function aeTitle(text: string): string {
  if (isAeTitle(text)) return text;
  throw new InvalidArgumentError('Allowed: 1 to 16 characters, no backslash, no spaces around it.');
}

function traceLink(text: string): string {
  if (/^https?:\/\/\S+$/.test(text) && text.includes('{traceId}')) return text;
  throw new InvalidArgumentError('Allowed: an http or https URL with {traceId} in it.');
}
