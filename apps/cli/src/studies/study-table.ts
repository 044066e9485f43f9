import { stripVTControlCharacters } from 'node:util';
import type { StudyState } from '@radiotracer/integrity';
import { type Paint, unpainted } from '../lab/paint.ts';
import { type Column, tabbed, table } from '../queue/table.ts';
import { fromNow, iso, printable } from '../queue/words.ts';
import type { FoundStudy } from './study-source.ts';

const names = ['LAST ACTIVITY', 'STUDY', 'MODALITY', 'FROM', 'STATE'];
const numbers = ['EXPECTED', 'RECEIVED', 'FORWARDED', 'CONFIRMED', 'WAITING', 'MISSING', 'LOST'];
const wideNames = ['ACCESSION', 'FINDINGS', 'GENERATION', 'NODES', 'FIRST ACTIVITY'];
const studyAt = 1;
const leastStudyWidth = 16;

export interface TableOptions {
  readonly wide: boolean;
  readonly now: number;
}

/** For a terminal. UIDs are shortened as far as it is too narrow, and their ends are left. */
export function studyTable(found: readonly FoundStudy[], options: TableOptions, paint: Paint, width: number | undefined): string {
  const rows = found.map((one) => cells(one, options, paint, false));
  const text = table(columns(options), rows, paint);
  const widest = Math.max(...text.split('\n').map((line) => stripVTControlCharacters(line).length));
  if (options.wide || width === undefined || widest <= width) return text;
  const longest = Math.max(...rows.map((row) => row[studyAt]?.length ?? 0));
  const room = Math.max(leastStudyWidth, longest - (widest - width));
  return table(
    columns(options),
    rows.map((row) => row.map((cell, at) => (at === studyAt ? shortened(cell, room) : cell))),
    paint,
  );
}

/** For other programs. */
export function studyHead(options: TableOptions): string {
  return tabbed(columns(options).map(({ name }) => name));
}

export function studyLine(found: FoundStudy, options: TableOptions): string {
  return tabbed(cells(found, options, unpainted, true));
}

export function studyStateText(state: StudyState, paint: Paint): string {
  if (state === 'short') return paint('bad', state);
  if (state === 'complete') return paint('good', state);
  return state === 'open' || state === 'excess' ? paint('id', state) : state;
}

export function studyName(uid: string): string {
  return uid === '' ? '(no Study Instance UID)' : uid;
}

function columns({ wide }: TableOptions): readonly Column[] {
  return [
    ...names.map((name) => ({ name })),
    ...numbers.map((name) => ({ name, right: true })),
    ...['BY', 'WHERE', ...(wide ? wideNames : [])].map((name) => ({ name })),
  ];
}

function cells({ study, figures }: FoundStudy, { wide, now }: TableOptions, paint: Paint, plain: boolean): readonly string[] {
  const { expected, received, forwarded, confirmed, waiting, missing, lost, lostByCount, lines } = figures;
  const verdict = study.state === 'open' ? undefined : study.verdict;
  const time = (at: number | undefined) => (at === undefined ? '' : plain ? iso(at) : fromNow(at, now));
  const bad = (count: number | undefined) => (count === undefined || count === 0 ? String(count ?? '') : paint('bad', String(count)));
  const destinations = [...new Set(lines.map(({ destinationId }) => destinationId))];
  const found = Object.entries(study.findings ?? {}).map(([kind, count]) => `${kind} ${count}`);
  const text = (values: readonly (string | number)[]) => printable(values.join(', '));
  return [
    time(study.lastAt ?? study.closedAt),
    printable(plain ? study.uid : studyName(study.uid)),
    text(study.modalities),
    text(study.callingAeTitles),
    studyStateText(study.state, paint),
    String(expected ?? ''),
    String(received),
    String(forwarded),
    String(confirmed),
    String(waiting),
    bad(missing),
    bad(lost + lostByCount),
    verdict === undefined ? '' : `${verdict.source} (${verdict.confidence})`,
    text(destinations),
    ...(wide ? [text(study.accessionNumbers), text(found), String(study.generation), text(study.nodes), time(study.firstAt)] : []),
  ];
}

/** `1.2.826.0…8498.7`: what differs is mostly at the end. */
function shortened(uid: string, room: number): string {
  if (uid.length <= room) return uid;
  const head = Math.floor((room - 1) / 3);
  return `${uid.slice(0, head)}…${uid.slice(uid.length - (room - 1 - head))}`;
}
