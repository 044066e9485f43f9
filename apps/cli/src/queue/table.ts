import { stripVTControlCharacters } from 'node:util';
import type { Paint } from '../lab/paint.ts';

export interface Column {
  readonly name: string;
  readonly right?: boolean;
}

/** Columns that stand below one another; cells may be painted. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], paint: Paint): string {
  const widths = columns.map(({ name }, at) => Math.max(name.length, ...rows.map((row) => width(row[at] ?? ''))));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => {
        const space = ' '.repeat((widths[at] ?? 0) - width(cell));
        if (columns[at]?.right === true) return space + cell;
        return at === cells.length - 1 ? cell : cell + space;
      })
      .join('  ')
      .trimEnd();
  const head = paint('bold', line(columns.map(({ name }) => name)));
  return `${[head, ...rows.map(line)].join('\n')}\n`;
}

/** For other programs: a tab between two values, none inside of one. */
export function tabbed(cells: readonly string[]): string {
  return `${cells.map((cell) => cell.replace(/[\t\n\r]/g, ' ')).join('\t')}\n`;
}

function width(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
