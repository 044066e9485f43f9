import type { LatencySummary, ModalitySummary } from '@radiotracer/integrity';
import { duration } from '../lab/figures.ts';
import type { Paint } from '../lab/paint.ts';
import { tabbed, table } from '../queue/table.ts';
import { fromNow, iso, printable, span } from '../queue/words.ts';

const numbers = ['STUDIES', 'INSTANCES', 'ERRORS', 'P50', 'P95', 'P99'];

/** Studies, instances and errors of today; percentiles of the last 24 hours. */
export function modalityTable(modalities: readonly ModalitySummary[], now: number, paint: Paint): string {
  const columns = [...['CALLING AE', 'STATE', 'LAST SEEN'].map((name) => ({ name })), ...numbers.map((name) => ({ name, right: true }))];
  const rows = modalities.map((one) => {
    const { studies, instances, errors } = one.today;
    return [
      printable(one.aeTitle),
      stateText(one, now, paint),
      fromNow(one.lastSeenAt, now),
      ...[String(studies), String(instances), errors === 0 ? '0' : paint('bad', String(errors))],
      ...latencyCells(one.latency),
    ];
  });
  return table(columns, rows, paint);
}

/** For other programs: states in one word, times in ISO 8601, durations in milliseconds. */
export function modalityLines(modalities: readonly ModalitySummary[]): string {
  const lines = modalities.map(({ aeTitle, state, lastSeenAt, silentSince, today, latency: { p50, p95, p99 } }) => [
    ...[printable(aeTitle), state ?? '', iso(lastSeenAt), silentSince === undefined ? '' : iso(silentSince)],
    ...[today.studies, today.instances, today.errors].map(String),
    ...[p50, p95, p99].map((ms) => (ms === undefined ? '' : String(Math.round(ms)))),
  ]);
  return [['CALLING AE', 'STATE', 'LAST SEEN', 'SILENT SINCE', ...numbers], ...lines].map(tabbed).join('');
}

export function stateText({ state, silentSince }: Pick<ModalitySummary, 'state' | 'silentSince'>, now: number, paint: Paint): string {
  switch (state) {
    case undefined:
      return '';
    case 'working':
      return paint('good', 'working');
    case 'quiet':
      return 'quiet as usual';
    case 'learning':
      return paint('dim', 'quiet (habit not known yet)');
    case 'silent':
      return paint('bad', `silent for ${span(now - (silentSince ?? now))}`);
  }
}

export function latencyCells({ p50, p95, p99 }: LatencySummary): readonly string[] {
  return [p50, p95, p99].map((ms) => (ms === undefined ? '' : ms < 60_000 ? duration(ms) : span(ms)));
}
