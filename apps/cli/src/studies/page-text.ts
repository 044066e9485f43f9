import type { StudyPage, StudyRecord } from '@radiotracer/integrity';
import { counted } from '../lab/figures.ts';
import type { Paint } from '../lab/paint.ts';
import { table } from '../queue/table.ts';
import { fromNow, iso, printable } from '../queue/words.ts';
import type { NextCommand } from '../read-config.ts';
import { type DestinationDetails, detailsOf, type SeriesDetails, type StudyDetails } from './study-details.ts';
import { isUncertain } from './study-figures.ts';
import { studyName, studyStateText } from './study-table.ts';
import {
  commitmentSentence,
  documentSentence,
  evidenceSentence,
  findingText,
  noteSentence,
  refusalText,
  sourceText,
  verdictSentences,
  verifySentence,
} from './study-words.ts';

/** All of a study for a person; what is wrong first. */
export function pageText(page: StudyPage, now: number, paint: Paint, next: NextCommand): string {
  const { study } = page;
  const details = detailsOf(page);
  const { verdict, figures, findings } = details;
  const section = (name: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ['', paint('bold', name), ...lines.map((line) => `  ${line}`)];
  const lines = [
    `${paint('bold', printable(studyName(study.uid)))}  ${studyStateText(study.state, paint)}`,
    ...verdictSentences(study, verdict, figures.received),
    ...lossSentences(details, paint),
    ...uncertainty(study, now),
    '',
    ...facts(page, now).map(([name, value]) => `  ${paint('dim', name.padEnd(15))}  ${printable(value)}`),
    ...section(
      'destinations',
      details.destinations.flatMap((one) => destinationLines(one, study, now, paint, next)),
    ),
    ...section('series', seriesTable(details.series, paint)),
    ...section('missing', missingLines(details)),
    ...section('not named, and came', listed(verdict.unexpected.uids, verdict.unexpected.count)),
    ...section(
      'findings',
      findings.flatMap(({ kind, count, uids }) => [`${kind}: ${findingText(kind)} (${count})`, ...indented(listed(uids, count))]),
    ),
    ...section(
      'who says so',
      verdict.evidence.map((evidence) => printable(evidenceSentence(evidence))),
    ),
    ...section(
      'notes',
      verdict.notes.map((note) => printable(noteSentence(note))),
    ),
    ...section(
      'documents',
      page.documents.flatMap((document) => [
        `${iso(document.at)}  ${documentSentence(document)}`,
        ...(document.kind === 'retrieve' ? indented(listed(document.failedUids, document.failedUids.length)) : []),
      ]),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function lossSentences({ destinations, figures }: StudyDetails, paint: Paint): readonly string[] {
  const lost = destinations.flatMap((one) =>
    one.lost > 0 ? [paint('bad', printable(`${counted(one.lost, 'instance')} acknowledged and lost at ${one.id}.`))] : [],
  );
  if (figures.lostByCount === 0) return lost;
  return [...lost, paint('bad', `${counted(figures.lostByCount, 'instance')} lost by what a destination counts.`)];
}

function uncertainty(study: StudyRecord, now: number): readonly string[] {
  if (!isUncertain(study)) return [];
  const { incompleteSince, overflow } = study;
  return [
    ...(incompleteSince === undefined
      ? []
      : [`The ledger missed something of it, ${fromNow(incompleteSince, now)}: counts are a lower bound, and it is not called short.`]),
    ...(overflow === 0 ? [] : [`${counted(overflow, 'instance')} found no room in the ledger: counts are a lower bound.`]),
  ];
}

function facts({ study }: StudyPage, now: number): readonly (readonly [name: string, value: string])[] {
  const time = (at: number | undefined) => (at === undefined ? '' : `${iso(at)}, ${fromNow(at, now)}`);
  const { accessionNumbers, modalities, callingAeTitles, patientKeys, reopened, generation, dueAt, state } = study;
  const all: readonly (readonly [string, string])[] = [
    ['accession', accessionNumbers.join(', ')],
    ['modality', modalities.join(', ')],
    ['from', callingAeTitles.join(', ')],
    ['patients', patientKeys.length > 1 ? `${patientKeys.length} different Patient IDs` : ''],
    ['first activity', time(study.firstAt)],
    ['last activity', time(study.lastAt)],
    ['closed', state === 'open' ? '' : time(study.closedAt)],
    ['reopened', reopened === 0 ? '' : `${counted(reopened, 'time')}, by something that came late`],
    ['generation', generation === 0 ? '' : `${generation}: it came back after the rollover, with a trace of its own`],
    ['looked at next', dueAt === undefined ? 'not before something more of it is seen' : fromNow(Math.max(dueAt, now), now)],
    ['seen by', study.nodes.join(', ')],
  ];
  return all.filter(([, value]) => value !== '');
}

function destinationLines(one: DestinationDetails, study: StudyRecord, now: number, paint: Paint, next: NextCommand): readonly string[] {
  const { acknowledged, spooled, forwarded, confirmed, committed, lost, waiting, givenUp, removed, removedAt, refused, verify } = one;
  const bySpool = spooled === 0 ? '' : ` (${spooled} by the spool)`;
  const byCommitment = committed === 0 ? '' : ` (${committed} by storage commitment)`;
  const counts = `${acknowledged} acknowledged${bySpool}, ${forwarded} forwarded, ${confirmed} confirmed${byCommitment}, ${lost} lost`;
  // To be copied into a shell: a UID comes from a peer.
  const queued = `queue ls${/^[0-9.]+$/.test(study.uid) ? ` --study ${study.uid}` : ''}`;
  return [
    `${paint('name', printable(one.id))}: ${lost > 0 ? paint('bad', counts) : counts}`,
    `  ${asked(one, study, now)}`,
    ...(verify?.commitment === undefined ? [] : [`  storage commitment: ${commitmentSentence(verify.commitment, verify, now)}`]),
    ...(waiting === 0
      ? []
      : [
          `  ${counted(waiting, 'instance')} not delivered yet: ${next(queued)}; what is not listed there was removed by a person (queue rm) while the ledger was away, has lost its file, or was delivered just before a crash`,
        ]),
    ...(removedAt === undefined ? [] : [`  ${paint('bad', removedText(removed, removedAt, now))}`]),
    ...(givenUp === 0
      ? []
      : [`  ${counted(givenUp, 'instance')} given up (dead letters; one that is retried counts until it is delivered): ${next(queued)}`]),
    ...indented(listed(one.lostUids, lost, 'lost  ')),
    ...refused.map(({ uid, reason }) => `  storage commitment refused  ${printable(uid)}  ${refusalText(reason)}`),
  ];
}

function removedText(removed: number, removedAt: number, now: number): string {
  const when = `${removed === 1 ? '' : 'the last '}${iso(removedAt)}, ${fromNow(removedAt, now)}`;
  const they = removed === 1 ? 'it was' : 'they were';
  return `${counted(removed, 'instance')} removed from the queue by a person (queue rm) before ${they} known to be delivered: ${when}`;
}

function asked({ verify, acknowledged, forwarded, confirmed }: DestinationDetails, { state }: StudyRecord, now: number): string {
  if (verify?.outcome === 'unverifiable' && forwarded === 0) return 'it was not asked what it has: nothing arrived there';
  if (verify !== undefined) return `asked what it has: ${verifySentence(verify, now)}`;
  if (confirmed >= acknowledged) return 'it has said that it has all of them';
  if (state === 'open') return 'it is asked what it has when the study is closed';
  return 'it is not asked what it has (integrity.verify)';
}

function seriesTable(series: readonly SeriesDetails[], paint: Paint): readonly string[] {
  if (series.length === 0) return [];
  const numbers = ['RECEIVED', 'ACKNOWLEDGED', 'FORWARDED', 'CONFIRMED', 'LOST', 'DECLARED'];
  const rows = series.map(({ uid, modalities, received, acknowledged, forwarded, confirmed, lost, declared }) => [
    printable(uid === '' ? '(no Series Instance UID)' : uid),
    printable(modalities.join(', ')),
    ...[received, acknowledged, forwarded, confirmed].map(String),
    lost > 0 ? paint('bad', String(lost)) : '0',
    declared.join(', '),
  ]);
  const columns = [{ name: 'SERIES' }, { name: 'MODALITY' }, ...numbers.map((name) => ({ name, right: true }))];
  return table(columns, rows, paint).trimEnd().split('\n');
}

function missingLines({ verdict: { missing, source } }: StudyDetails): readonly string[] {
  if (missing.count === 0) return [];
  const uids = listed(missing.uids, missing.uids.length === 0 ? 0 : missing.count);
  const numbers = missing.numbers.length === 0 ? [] : [`Instance Numbers ${missing.numbers.join(', ')}`];
  if (uids.length + numbers.length > 0) return [...uids, ...numbers];
  return [`${counted(missing.count, 'instance')}; which ones, ${sourceText(source)} does not say`];
}

/** `count`: how many there are in all. */
function listed(uids: readonly string[], count: number, before = ''): readonly string[] {
  const more = count > uids.length && uids.length > 0 ? [`and ${count - uids.length} more`] : [];
  return [...uids.map((uid) => `${before}${printable(uid)}`), ...more];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}
