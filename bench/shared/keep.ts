/** Numbers are kept beside the bench: JSON to compare with, and Markdown to read; what docs/sizing.md says follows them. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeSizingTables } from '../sizing/write-tables.ts';
import { type Circumstances, reportLine } from './circumstances.ts';

const markdownFile = fileURLToPath(new URL('../RESULTS.md', import.meta.url));

export interface Results {
  /** As in `./dev bench NAME`. */
  readonly name: string;
  readonly at: Circumstances;
  /** For `results/NAME.json`, beside the circumstances. */
  readonly figures: object;
  /** Markdown, with a heading: what was done, and what the words in the tables mean. */
  readonly introduction: string;
  /** Markdown. */
  readonly parts: readonly string[];
  /** Where it has no part in the file yet: before all others. */
  readonly isFirst?: boolean;
}

export async function keep({ name, at, figures, introduction, parts, isFirst = false }: Results): Promise<void> {
  await writeFigures(name, { ...at, ...figures });
  // Each bench has a part of its own in the file that they share.
  const [begin, end] = [`<!-- ./dev bench ${name} -->`, `<!-- end of ./dev bench ${name} -->`];
  const part = [begin, introduction, '', `${reportLine(at)}.`, '', parts.join('\n\n'), end].join('\n');
  const whole = await readFile(markdownFile, 'utf8').catch(() => '# What was measured\n');
  const [from, to] = [whole.indexOf(begin), whole.indexOf(end)];
  const kept = from >= 0 && to > from ? whole.slice(0, from) + part + whole.slice(to + end.length) : added(whole, part, isFirst);
  await writeFile(markdownFile, kept);
  writeSizingTables();
}

function added(whole: string, part: string, isFirst: boolean): string {
  const [title = '', ...others] = whole.trimEnd().split('\n\n');
  return `${(isFirst ? [title, part, ...others] : [title, ...others, part]).join('\n\n')}\n`;
}

/** To `results/NAME.json`. */
export async function writeFigures(name: string, figures: object): Promise<void> {
  const jsonFile = fileURLToPath(new URL(`../results/${name}.json`, import.meta.url));
  await mkdir(dirname(jsonFile), { recursive: true });
  // Lists of numbers on one line, as the formatter has them.
  const json = JSON.stringify(figures, rounded, 2).replace(/\[[\s\d.,a-z-]+\]/g, (list) =>
    list.replace(/\s+/g, ' ').replace('[ ', '[').replace(' ]', ']'),
  );
  await writeFile(jsonFile, `${json}\n`);
}

/** Four significant digits after the point are more than was measured. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toFixed(4)) : value;
}
