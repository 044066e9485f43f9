import { errorsOf, type HabitHour, type ModalityPage } from '@radiotracer/integrity';
import { counted, size } from '../lab/figures.ts';
import type { Paint } from '../lab/paint.ts';
import { table } from '../queue/table.ts';
import { fromNow, iso, printable, span } from '../queue/words.ts';
import { latencyCells, stateText } from './modality-table.ts';

const hourMs = 3_600_000;
const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

export function modalityText(page: ModalityPage, now: number, paint: Paint): string {
  const { aeTitle, isConfigured, lastSeenAt, lastStudyAt, lastInstanceAt, firstAt, today, timeZone, unfollowed } = page;
  const when = (at: number | undefined) => (at === undefined ? 'never' : `${iso(at)}, ${fromNow(at, now)}`);
  const facts: readonly (readonly [string, string])[] = [
    ['last seen', when(lastSeenAt)],
    ['last new study', when(lastStudyAt)],
    ['last instance', when(lastInstanceAt)],
    ['first seen', when(firstAt)],
    ['configured', isConfigured ? 'yes' : 'no: in metrics it is _OTHER'],
    [
      'today',
      `${counted(today.studies, 'study', 'studies')}, ${counted(today.instances, 'instance')}, ${size(today.bytes)}, ${counted(today.errors, 'error')}`,
    ],
    ['worklist', `${counted(today.queries, 'query', 'queries')} today, ${counted(today.unfollowed, 'item')} without a study`],
  ];
  return [
    `${paint('name', printable(aeTitle))}  ${stateText(page, now, paint)}\n${habitSentence(page, now)}\n\n`,
    facts.map(([name, value]) => `  ${paint('dim', name.padEnd(16))}${value}\n`).join(''),
    `\n${paint('bold', `the last 24 hours`)}  ${timeZone}\n${hoursTable(page, paint)}`,
    `\n${paint('bold', 'habit')}  in how many of the last 8 weeks it was seen in that hour; . is never\n${habitChart(page, paint)}`,
    unfollowed.length === 0 ? '' : `\n${paint('bold', 'worklist items without a study')}, the last ${unfollowed.length}\n`,
    ...unfollowed.map(({ accessionNumber, askedAt }) => `  ${printable(accessionNumber)}  taken up ${when(askedAt)}\n`),
  ].join('');
}

function habitSentence({ state, habitGapMs, habitWeeks, lastSeenAt, silentSince, habit, hourOfWeek }: ModalityPage, now: number): string {
  const hour = habit[hourOfWeek];
  const usual =
    hour === undefined || hour.weeks === 0
      ? ''
      : ` At this hour it was seen in ${hour.seenWeeks} of ${counted(hour.weeks, 'week')}, and usually quiet for ${span(hour.quietMs)} at most.`;
  if (state === undefined) return 'Titles for which the ledger has no room of their own, together.';
  if (state === 'silent') return `It has been silent since ${iso(silentSince ?? lastSeenAt)}, for longer than its habit.${usual}`;
  if (state === 'learning' || habitGapMs === undefined)
    return `Its habit is not known yet: that takes two weeks, and rests on ${habitWeeks.toFixed(1)} until now.`;
  return `If it is not seen again, it is silent ${fromNow(lastSeenAt + habitGapMs, now)}.${usual}`;
}

/** From when it was first seen: of the hours before there is nothing to say. */
function hoursTable({ hours, firstAt, timeZone }: ModalityPage, paint: Paint): string {
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' });
  const known = hours.filter(({ at }) => at + hourMs > firstAt);
  const most = Math.max(1, ...known.map(({ cell }) => cell.instances));
  const columns = [
    { name: 'HOUR' },
    ...['ASSOCIATIONS', 'STUDIES', 'INSTANCES', 'ERRORS', 'P50', 'P95', 'P99'].map((name) => ({ name, right: true })),
    { name: '' },
  ];
  const rows = known.map(({ at, cell, latency }) => {
    const errors = errorsOf(cell);
    const kinds = Object.entries({ ...cell.errors, ...(cell.dead === 0 ? {} : { 'given up': cell.dead }) });
    const bar = '━'.repeat(Math.ceil((cell.instances / most) * 16));
    return [
      clock.format(at),
      ...[cell.associations, cell.studies.length, cell.instances].map((count) => (count === 0 ? '.' : String(count))),
      errors === 0 ? '.' : paint('bad', String(errors)),
      ...latencyCells(latency),
      [bar, ...kinds.map(([type, count]) => paint('bad', `${printable(type)} ${count}`))].filter((part) => part !== '').join('  '),
    ];
  });
  return table(columns, rows, paint);
}

function habitChart({ habit, hourOfWeek }: ModalityPage, paint: Paint): string {
  const head = `     ${Array.from({ length: 24 }, (_, hour) => (hour % 6 === 0 ? String(hour).padEnd(6) : '')).join('')}`.trimEnd();
  const line = (day: number) =>
    Array.from({ length: 24 }, (_, hour) => {
      const at = day * 24 + hour;
      const mark = markOf(habit[at]);
      return at === hourOfWeek ? paint('id', mark) : mark;
    }).join('');
  return `${paint('dim', head)}\n${days.map((name, day) => `${name}  ${line(day)}\n`).join('')}`;
}

function markOf(hour: HabitHour | undefined): string {
  return hour === undefined || hour.seenWeeks === 0 ? '.' : String(Math.min(9, hour.seenWeeks));
}
