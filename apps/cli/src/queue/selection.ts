/** Which entries a command is about: ids, or what the options say. Nothing of a patient can be asked for. */
import { DURATION_ALLOWED, parseDuration } from '@radiotracer/config';
import type { EntryState, QueueFilter } from '@radiotracer/queue';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import type { ConfigOption } from '../read-config.ts';

export interface SelectionOptions extends ConfigOption {
  readonly destination?: string;
  readonly study?: string;
  readonly instance?: string;
  readonly state?: EntryState;
  readonly error?: string;
  readonly olderThan?: number;
  readonly modality?: string;
  readonly callingAet?: string;
  readonly owner?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

const states: readonly EntryState[] = ['waiting', 'leased', 'held', 'dead'];

export function withSelection(command: Command): Command {
  return command
    .option('--destination <name>', 'only for this destination')
    .option('--study <uid>', 'only of this study (Study Instance UID)')
    .option('--instance <uid>', 'only this instance (SOP Instance UID)')
    .addOption(new Option('--state <state>', 'only in this state; leased: being sent now').choices(states))
    .option('--error <type>', 'only those whose last error was this')
    .option('--older-than <duration>', `only those received longer ago than this (${DURATION_ALLOWED})`, duration)
    .option('--modality <modality>', 'only of this modality (CT, MR…)')
    .option('--calling-aet <title>', 'only from this calling AE title, as the destination sees it')
    .option('--owner <id>', 'only of this proxy, where several share a schedule');
}

export function filterOf(ids: readonly string[], options: SelectionOptions, now: number): QueueFilter {
  const { destination, study, instance, state, error, olderThan, modality, callingAet, owner } = options;
  return {
    ...(ids.length === 0 ? {} : { ids: [...new Set(ids)] }),
    ...(destination === undefined ? {} : { destinationId: destination }),
    ...(study === undefined ? {} : { studyKey: study }),
    ...(instance === undefined ? {} : { sopInstanceUid: instance }),
    ...(state === undefined ? {} : { state }),
    ...(error === undefined ? {} : { errorType: error }),
    ...(olderThan === undefined ? {} : { olderThan: now - olderThan }),
    ...(modality === undefined ? {} : { modality }),
    ...(callingAet === undefined ? {} : { callingAeTitle: callingAet }),
    ...(owner === undefined ? {} : { ownerId: owner }),
  };
}

/** The same for what changes something: a forgotten option must not mean everything. @throws CommandFailure (usage) */
export function filterForChange(ids: readonly string[], options: SelectionOptions, now: number): QueueFilter {
  const filter = filterOf(ids, options, now);
  const isAll = Object.keys(filter).length === 0;
  if (isAll && options.all !== true) throw new CommandFailure(ExitCode.usage, 'say which: ids, options such as --study, or --all');
  if (!isAll && options.all === true) throw new CommandFailure(ExitCode.usage, '--all is everything: leave it or the others out');
  return filter;
}

export function duration(text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs !== undefined) return durationMs;
  throw new InvalidArgumentError(`Allowed: ${DURATION_ALLOWED}.`);
}
