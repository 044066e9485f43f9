/**
 * Writes the tables of docs/configuration.md anew from the schema.
 * Run: node scripts/write-configuration-tables.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { referenceTables } from '../packages/config/src/reference.ts';

const END = '<!-- /tables -->\n';
const file = new URL('../docs/configuration.md', import.meta.url);
const text = readFileSync(file, 'utf8').replace(
  /(<!-- tables:.*-->\n)[\s\S]*$/,
  (_all, begin) => `${begin}\n${referenceTables().trim()}\n\n${END}`,
);
writeFileSync(file, text);
