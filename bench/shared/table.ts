/** Figures as Markdown, which is readable in a terminal too. */
import type { Spread } from './spread.ts';

/** The first column to the left, the others to the right. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((cells) => cells[index]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, index) => (index === 0 ? `:${'-'.repeat(width + 1)}` : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(columns), rule, ...rows.map(line)];
}

export function number(value: number | undefined, digits: number): string {
  return value === undefined ? '–' : value.toFixed(digits).replace('-', '−');
}

export function range(spread: Spread | undefined): string {
  return spread === undefined ? '–' : `${spread.min.toFixed(2)}–${spread.max.toFixed(2)}`;
}

export function percent(fraction: number): string {
  return `${fraction < 0 ? '−' : '+'}${Math.abs(fraction * 100).toFixed(1)} %`;
}
