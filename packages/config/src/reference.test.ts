import { readFileSync } from 'node:fs';
import { parseConfig } from './index.ts';
import { referenceTables } from './reference.ts';

const read = (file: string): string => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');

test('docs/configuration.md tells of every key what the schema says (if not: node scripts/write-configuration-tables.mjs)', () => {
  const [, tables = ''] = read('docs/configuration.md').split(/<!-- tables:.*-->\n|<!-- \/tables -->\n/);
  expect(tables.trim()).toBe(referenceTables().trim());
});

test('every example of a configuration in the documentation is one', () => {
  const examples = ['docs/configuration.md', 'docs/tls.md', 'README.md'].flatMap((file) =>
    [...read(file).matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => ({ file, text })),
  );
  expect(examples.length).toBeGreaterThanOrEqual(2);
  for (const { file, text } of examples) parseConfig(text, file);
});
