/** Was anything short or lost? For cron. */
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { counted } from '../lab/figures.ts';
import { iso, printable } from '../queue/words.ts';
import type { Surroundings } from '../surroundings.ts';
import { type LedgerView, mustHaveLedger, stoppedNote } from './ledger-view.ts';
import { hasLoss, isUncertain } from './study-figures.ts';
import { orNull, studyJson } from './study-json.ts';
import { type StudySelection, timeOf } from './study-selection.ts';
import { type FoundStudy, StudySource } from './study-source.ts';
import { studyName } from './study-table.ts';

export interface StudiesCheckOptions extends StudySelection {
  /** What is uncertain counts as found, too. */
  readonly strict?: boolean;
}

const standardSinceMs = 86_400_000;

export async function studiesCheckCommand(options: StudiesCheckOptions, view: LedgerView, surroundings: Surroundings): Promise<ExitCode> {
  mustHaveLedger(view);
  const note = stoppedNote(view);
  if (note !== undefined) throw new CommandFailure(ExitCode.failed, `${note}: to find nothing there would mean nothing`);
  const { out, taken, now } = surroundings;
  const json = options.json === true;
  const since = options.since ?? { agoMs: standardSinceMs };
  const source = new StudySource(view.ledger, { ...options, since }, now());
  const totals = { studies: 0, open: 0, short: 0, missing: 0, withLoss: 0, lost: 0, uncertain: 0, waiting: 0, pending: 0 };
  let concerned = 0;
  if (json) out('{"studies":[');
  for await (const found of source.batches(Number.POSITIVE_INFINITY, undefined)) {
    for (const one of found) {
      const why = reasons(one);
      totals.studies += 1;
      if (one.study.state === 'open') totals.open += 1;
      if (why.short > 0) totals.short += 1;
      if (why.lost > 0) totals.withLoss += 1;
      if (why.uncertain) totals.uncertain += 1;
      if (one.figures.waiting > 0) totals.waiting += 1;
      if (isPending(one)) totals.pending += 1;
      totals.missing += why.short;
      totals.lost += why.lost;
      if (why.short + why.lost === 0 && !(options.strict === true && why.uncertain)) continue;
      if (json) out(`${concerned === 0 ? '\n' : ',\n'}${JSON.stringify(studyJson(one.study, one.figures))}`);
      else out(line(one));
      concerned += 1;
    }
    await taken();
  }
  const range = { since: iso(timeOf(since, now())), until: orNull(options.until === undefined ? undefined : timeOf(options.until, now())) };
  if (json) out(`\n],${JSON.stringify({ ok: concerned === 0, ...range, totals }).slice(1)}\n`);
  else out(totalsLine(totals, range));
  return concerned === 0 ? ExitCode.ok : ExitCode.found;
}

/** Instances. Of an open study nothing is held against anybody yet. */
function reasons({ study, figures }: FoundStudy): { readonly short: number; readonly lost: number; readonly uncertain: boolean } {
  if (study.state === 'open') return { short: 0, lost: 0, uncertain: isUncertain(study) };
  const short = study.state === 'short' ? Math.max(1, figures.missing ?? 0) : 0;
  return { short, lost: hasLoss(figures) ? figures.lost + figures.lostByCount : 0, uncertain: isUncertain(study) };
}

/** Closed, and what a destination has of it is not known yet. */
function isPending({ study }: FoundStudy): boolean {
  return study.state !== 'open' && Object.values(study.verify).some(({ nextAt, outcome }) => nextAt !== undefined && outcome === undefined);
}

function line({ study, figures }: FoundStudy): string {
  const { verdict, state, verify } = study;
  const by = verdict === undefined ? '' : ` by ${verdict.source}, confidence ${verdict.confidence}`;
  const lost = Map.groupBy(figures.lines, ({ destinationId }) => destinationId);
  const what = [
    ...(state === 'short' ? [`short: ${figures.missing ?? '?'} of ${figures.expected ?? '?'} did not come${by}`] : []),
    ...[...lost].flatMap(([id, lines]) => {
      const count = lines.reduce((sum, one) => sum + one.lost, 0);
      return count === 0 ? [] : [`lost: ${count} at ${id}`];
    }),
    ...Object.entries(verify).flatMap(([id, { outcome, missing = 0 }]) =>
      outcome === 'short-by-count' ? [`lost: ${missing} at ${id}, by its count`] : [],
    ),
    ...(isUncertain(study) ? ['uncertain: the ledger did not see all of it'] : []),
  ];
  const from = [...study.modalities, ...study.callingAeTitles].join(' ');
  return `${printable(`${studyName(study.uid)} ${from} ${study.lastAt === undefined ? '' : iso(study.lastAt)}`)}: ${printable(what.join('; '))}\n`;
}

function totalsLine(
  { studies, open, short, missing, withLoss, lost, uncertain, waiting, pending }: Readonly<Record<string, number>>,
  { since, until }: { readonly since: string; readonly until: string | null },
): string {
  const range = until === null ? `since ${since}` : `from ${since} to ${until}`;
  const found = `${short} short (${counted(missing ?? 0, 'instance')}), ${withLoss} with loss (${counted(lost ?? 0, 'instance')})`;
  return `${counted(studies ?? 0, 'study', 'studies')} ${range}: ${found}, ${uncertain} uncertain, ${open} open, ${waiting} waiting, ${pending} not confirmed yet\n`;
}
