/** Which studies a command is about. Nothing of a patient can be asked for. */
import { DURATION_ALLOWED, parseDuration } from '@radiotracer/config';
import { FINDINGS, type FindingKind, STUDY_STATES, type StudyFilter, type StudyRecord, type StudyState } from '@radiotracer/integrity';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { iso } from '../queue/words.ts';
import type { ConfigOption } from '../read-config.ts';
import { hasLoss, type StudyFigures } from './study-figures.ts';

/** A moment: so long ago, or at that time. */
export type Moment = { readonly agoMs: number } | { readonly at: number };

export interface StudySelection extends ConfigOption {
  readonly state?: readonly StudyState[];
  readonly since?: Moment;
  readonly until?: Moment;
  readonly modality?: string;
  readonly callingAet?: string;
  readonly destination?: string;
  readonly lost?: boolean;
  readonly waiting?: boolean;
  readonly short?: boolean;
  /** True: of any kind. */
  readonly findings?: true | FindingKind;
  readonly json?: boolean;
}

const momentAllowed = `how long ago (${DURATION_ALLOWED}), or a time such as 2026-11-24T20:30`;

/** Of all commands that look at many. */
export function withRange(command: Command): Command {
  return command
    .option('--since <when>', `only those with activity since then: ${momentAllowed}`, moment)
    .option('--until <when>', 'only those whose last activity was before then', moment)
    .option('--modality <modality>', 'only with this modality (CT, MR…)')
    .option('--calling-aet <title>', 'only from this calling AE title')
    .option('--destination <name>', 'only with instances for this destination');
}

export function withSelection(command: Command): Command {
  return withRange(command)
    .addOption(new Option('--state <states...>', 'only in these states; open: it is still coming').choices(STUDY_STATES))
    .option('--short', 'only those of which something did not come; the same as --state short')
    .option('--waiting', 'only those of which something is to be delivered yet')
    .option('--lost', 'only those of which something that was acknowledged did not arrive')
    .addOption(new Option('--findings [kind]', 'only those in which something is inconsistent; or only this').choices(FINDINGS));
}

/** What the ledger can look up by itself. Of several options all must hold. @throws CommandFailure (usage): no study can match */
export function filterOf({ state, short, since, until }: StudySelection, now: number): StudyFilter {
  const states = short === true ? (state ?? ['short']).filter((one) => one === 'short') : state;
  const range = {
    ...(since === undefined ? {} : { from: timeOf(since, now) }),
    ...(until === undefined ? {} : { until: timeOf(until, now) }),
  };
  const { from = Number.NEGATIVE_INFINITY, until: to = Number.POSITIVE_INFINITY } = range;
  // A check that finds nothing there would call everything well.
  if (from >= to)
    throw new CommandFailure(ExitCode.usage, `--since ${iso(from)} is not before --until ${iso(to)}: no study can lie between them`);
  return { ...(states === undefined ? {} : { states: [...new Set(states)] }), ...range };
}

/** The rest: by the study itself, then by its figures. */
export function isSelected({ modalities, callingAeTitles, findings }: StudyRecord, options: StudySelection): boolean {
  const { modality, callingAet, findings: kind } = options;
  if (modality !== undefined && !modalities.includes(modality)) return false;
  if (callingAet !== undefined && !callingAeTitles.includes(callingAet)) return false;
  return kind === undefined || (kind === true ? Object.keys(findings ?? {}).length > 0 : findings?.[kind] !== undefined);
}

export function areSelected(figures: StudyFigures, { destination, lost, waiting }: StudySelection): boolean {
  if (destination !== undefined && !figures.lines.some(({ destinationId }) => destinationId === destination)) return false;
  if (waiting === true && figures.waiting === 0) return false;
  return lost !== true || hasLoss(figures);
}

export function timeOf(moment: Moment, now: number): number {
  return 'at' in moment ? moment.at : now - moment.agoMs;
}

const timeShape = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** A century: there is a date for what is no longer ago. */
const longestAgoMs = 36_500 * 86_400_000;

/** A time without a zone is of this machine's. */
function moment(text: string): Moment {
  const agoMs = parseDuration(text);
  if (agoMs !== undefined && agoMs <= longestAgoMs) return { agoMs };
  const at = timeShape.test(text) ? Date.parse(text.length === 10 ? `${text}T00:00` : text) : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidArgumentError(`Allowed: ${momentAllowed}.`);
  return { at };
}
