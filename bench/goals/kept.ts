/** What was measured before: every row with the circumstances of its own run, so that one of them can be measured anew. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { WorkFigures } from '../relay/figures.ts';
import { type Circumstances, reportLine } from '../shared/circumstances.ts';
import { keep, writeFigures } from '../shared/keep.ts';
import type { Row } from './figure.ts';
import { introduction } from './introduction.ts';
import { parts } from './parts.ts';
import type { FindKept } from './regressions.ts';
import { rowOf } from './relayed.ts';
import { reportKept, reportNotes } from './report.ts';

export interface KeptRow extends Row {
  readonly at: Circumstances;
}

export class KeptRows {
  readonly #byName: ReadonlyMap<string, KeptRow>;

  constructor(rows: readonly KeptRow[]) {
    this.#byName = new Map(rows.map((row) => [row.name, row]));
  }

  readonly find: FindKept = (rowName, what) => {
    const row = this.#byName.get(rowName);
    const value = row?.figures.find((figure) => figure.what === what)?.value;
    return row === undefined || value === undefined ? undefined : { value, commit: row.at.commit };
  };

  /** In the table's order; new ones in place of those of the same name. */
  with(rows: readonly KeptRow[]): KeptRow[] {
    const all = new Map([...this.#byName, ...rows.map((row) => [row.name, row] as const)]);
    return parts.flatMap(({ name }) => all.get(name) ?? []);
  }
}

/** Quick runs have smaller counts, and so other ratios: they are kept, and compared, by themselves. */
export async function readKept(isQuick: boolean): Promise<KeptRows> {
  const kept = (await read<{ readonly rows: readonly KeptRow[] }>(nameOf(isQuick)))?.rows ?? [];
  // `./dev bench relay` measures the same works; whichever was measured last counts.
  const relay = isQuick ? undefined : await read<Circumstances & { readonly works: readonly WorkFigures[] }>('relay');
  const { works = [], ...at } = relay ?? {};
  const relayed = works.map((work): KeptRow => ({ ...rowOf(work), at: at as Circumstances }));
  return new KeptRows([...kept, ...relayed].toSorted((a, b) => a.at.date.localeCompare(b.at.date)));
}

/** `rows`: all that are to stand there. Those of quick runs are for the next one to be compared with, not for a reader. */
export async function keepRows(rows: readonly KeptRow[], at: Circumstances): Promise<string> {
  const name = nameOf(at.isQuick);
  if (at.isQuick) {
    await writeFigures(name, { rows });
    return `kept in bench/results/${name}.json`;
  }
  const kept = [reportKept(rows).join('\n'), reportNotes(rows).join('\n')];
  await keep({ name, at, figures: { rows }, introduction, parts: kept, isFirst: true });
  return `kept in bench/results/${name}.json and bench/RESULTS.md: ${reportLine(at)}`;
}

function nameOf(isQuick: boolean): string {
  return isQuick ? 'goals-quick' : 'goals';
}

/** Undefined: there is none yet. */
async function read<Kept>(name: string): Promise<Kept | undefined> {
  try {
    return JSON.parse(await readFile(fileURLToPath(new URL(`../results/${name}.json`, import.meta.url)), 'utf8')) as Kept;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
