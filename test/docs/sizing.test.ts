import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readKeptFigures } from '../../bench/sizing/kept-figures.ts';
import { readSite } from '../../bench/sizing/site.ts';
import { sizingTables } from '../../bench/sizing/tables.ts';
import { repositoryFolder } from '../fixtures/paths.ts';

const read = (file: string): string => readFileSync(join(repositoryFolder, file), 'utf8');

test('docs/sizing.md tells what the benches have kept (if not: node scripts/write-sizing-tables.mjs)', () => {
  const [, tables = ''] = read('docs/sizing.md').split(/<!-- tables:.*-->\n|<!-- \/tables -->\n/);
  const example = 'bench/sizing/hospital.json';
  expect(tables.trim()).toBe(sizingTables(readKeptFigures(), readSite(example, read(example))).trim());
});
