/** The table of goals: Markdown, which is readable in a terminal too. */
import type { Circumstances } from '../shared/circumstances.ts';
import { table } from '../shared/table.ts';
import { type Figure, isMet, type Row } from './figure.ts';
import type { FindKept } from './regressions.ts';

/** Beside what was kept. */
export function reportBesideKept(rows: readonly Row[], findKept: FindKept): string[] {
  return goalsTable(rows, 'kept (commit)', ({ name }, { what }) => {
    const kept = findKept(name, what);
    return kept === undefined ? '–' : `${number(kept.value)} (${kept.commit})`;
  });
}

/** With where each was measured. */
export function reportKept(rows: readonly (Row & { readonly at: Circumstances })[]): string[] {
  const at = new Map(rows.map((row) => [row.name, row.at]));
  return goalsTable(rows, 'commit, rounds, load before', ({ name }) => {
    const { commit, hasChanges = false, rounds, loadBefore = 0 } = at.get(name) ?? {};
    return `${commit}${hasChanges ? ' with changes' : ''}, ${rounds}, ${loadBefore.toFixed(1)}`;
  });
}

/** Those of all rows, a line each. */
export function reportNotes(rows: readonly Row[]): string[] {
  return rows.flatMap(({ name, notes = [] }) => notes.map((note) => `- ${name}: ${note}`));
}

function goalsTable(rows: readonly Row[], lastColumn: string, lastCell: (row: Row, figure: Figure) => string): string[] {
  return table(
    ['work', 'goal', 'measured', 'met?', lastColumn],
    rows.flatMap((row) => row.figures.map((figure) => [row.work, goal(figure), measured(figure), verdict(figure), lastCell(row, figure)])),
  );
}

function goal({ what, goal: limit, better }: Figure): string {
  return limit === undefined ? `(${what})` : `${better === 'lower' ? '≤' : '≥'} ${limit} ${what}`;
}

function measured({ value, range }: Figure): string {
  return range === undefined ? number(value) : `${number(value)} (${number(range.min)}–${number(range.max)})`;
}

function verdict(figure: Figure): string {
  const met = isMet(figure);
  return met === undefined ? '' : met ? 'yes' : 'NO';
}

/** Three significant digits are what was measured. */
function number(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}
