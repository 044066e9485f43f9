import { readYaml } from './yaml-text.ts';

function told(text: string): readonly string[] {
  return readYaml('f.yaml', text).problems.map(({ where, message }) => `${where}: ${message}`);
}

test.each([
  ['routes: [{ calledAet: *, to: pacs }]', '1:23', 'written in quotes: "*"'],
  [
    'routes: [{ calledAet: *CT, to: pacs }]',
    '1:23',
    'an alias that no anchor before it has; a text that begins with * is written in quotes',
  ],
  ['routes: [{ calledAet: @CT, to: pacs }]', '1:23', 'a value that begins with this character is written in quotes'],
  [`admin: { port: \${PORT} }`, '1:17', 'is not filled in'],
  ['admin: { host: {{ address }}, port: 1 }', '1:17', 'is it a template ({{ … }}) that was not filled in?'],
  ['admin:\n  host: a\n  port:8080', '3:3', 'between them stands a colon with a plain space behind it'],
  ['admin: { host: 127.0.0.1 port: 1 }', '1:16', 'a comma or a closing bracket is missing'],
  ['admin: { host: "127.0.0.1, port: 1 }\nlog: { level: info }\n', '1:16', 'a quotation mark that is not closed'],
  [
    'routes:\n  - { to: pacs #1 }\nlog: { level: info }',
    '3:1',
    'a bracket before this is not closed; from a space with a # behind it on, a line is a comment',
  ],
  ['log: level: info', '1:6', 'a second colon in one line'],
  ['admin:\n  port:\u00a08080', '2:8', 'what only looks as a space'],
  ['admin:\n\u00a0\u00a0port: 8080', '2:1', 'what only looks as a space'],
  ['\u200badmin:\n  port: 8080', '1:1', 'or as nothing'],
])('a slip of the pen in YAML is told where it is, with what to do: %j', (text, place, words) => {
  expect(told(text)[0]).toMatch(`f.yaml:${place}: not `);
  expect(told(text)[0]).toContain(words);
});

test('what looks as a space harms nothing in a comment, in a text, and in front of the file', () => {
  const text = `\ufeff# all:\u00a0of it\nroutes: [] # -\u00a0x\ntelemetry: { siteKey: "a,\u00a0secret of ours" }`;
  expect(told(text)).toEqual([]);
});
