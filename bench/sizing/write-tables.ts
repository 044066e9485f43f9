/** The tables of docs/sizing.md, made anew of what the benches have kept (bench/results) and of bench/sizing/hospital.json. */
import { readFileSync, writeFileSync } from 'node:fs';
import { readKeptFigures } from './kept-figures.ts';
import { readSite } from './site.ts';
import { sizingTables } from './tables.ts';

const END = '<!-- /tables -->\n';
const file = new URL('../../docs/sizing.md', import.meta.url);
const siteFile = new URL('./hospital.json', import.meta.url);

export function writeSizingTables(): void {
  const tables = sizingTables(readKeptFigures(), readSite('bench/sizing/hospital.json', readFileSync(siteFile, 'utf8')));
  const begun = /(<!-- tables:.*-->\n)[\s\S]*$/;
  const text = readFileSync(file, 'utf8').replace(begun, (_all, begin) => `${begin}\n${tables.trim()}\n\n${END}`);
  writeFileSync(file, text);
}
