/** Writes the tables of docs/configuration.md anew from the schema. Run: node scripts/write-configuration-tables.mjs */
import { readFileSync, writeFileSync } from 'node:fs';
import { referenceTables } from '../packages/config/src/reference.ts';

const file = new URL('../docs/configuration.md', import.meta.url);
const [before, , after] = readFileSync(file, 'utf8').split(/(?<=<!-- tables:.*-->\n)|(?=<!-- \/tables -->\n)/);
writeFileSync(file, `${before}\n${referenceTables().trim()}\n\n${after}`);
