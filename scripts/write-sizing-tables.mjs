/**
 * Writes the tables of docs/sizing.md anew from what the benches have kept (bench/results) and bench/sizing/hospital.json.
 * Run: node scripts/write-sizing-tables.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { readKeptFigures } from '../bench/sizing/kept-figures.ts';
import { readSite } from '../bench/sizing/site.ts';
import { sizingTables } from '../bench/sizing/tables.ts';

const END = '<!-- /tables -->\n';
const file = new URL('../docs/sizing.md', import.meta.url);
const site = readFileSync(new URL('../bench/sizing/hospital.json', import.meta.url), 'utf8');
const tables = sizingTables(readKeptFigures(), readSite('bench/sizing/hospital.json', site));
const text = readFileSync(file, 'utf8').replace(/(<!-- tables:.*-->\n)[\s\S]*$/, (_all, begin) => `${begin}\n${tables.trim()}\n\n${END}`);
writeFileSync(file, text);
