/**
 * Writes the tables of METRICS.md anew from the registries.
 * Run: node scripts/write-metrics.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { referenceTables } from '../packages/telemetry/src/reference.ts';

const END = '<!-- /tables -->\n';
const file = new URL('../METRICS.md', import.meta.url);
const text = readFileSync(file, 'utf8').replace(
  /(<!-- tables:.*-->\n)[\s\S]*$/,
  (_all, begin) => `${begin}\n${referenceTables().trim()}\n\n${END}`,
);
writeFileSync(file, text);
