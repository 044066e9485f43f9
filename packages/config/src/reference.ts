/** The tables of docs/configuration.md, made from the schema. */
import { AE_TITLE_ALLOWED } from './ae-title.ts';
import { BYTE_SIZE_ALLOWED } from './byte-size.ts';
import { DURATION_ALLOWED } from './duration.ts';
import { variableName } from './environment.ts';
import type { KeyInfo } from './schema.ts';
import { keyText, valueKeys } from './schema-walk.ts';

/** What stands in the documentation for a name that the user gives, and for a position. */
const PLACEHOLDER: Readonly<Record<string, string>> = { destinations: '<ID>', listeners: '<N>', routes: '<N>' };

/** Markdown: a table for every key at the top of the file. */
export function referenceTables(): string {
  const sections = new Map<string, string[]>();
  for (const [path, info] of valueKeys()) {
    const [top = ''] = path;
    const rows = sections.get(top) ?? [];
    sections.set(top, rows);
    rows.push(row(path, info));
  }
  return [...sections].map(([top, rows]) => [`### \`${top}\``, '', ...HEAD, ...rows, ''].join('\n')).join('\n');
}

const HEAD = ['| key | default | what it is, what is allowed | environment |', '|---|---|---|---|'];

function row(path: readonly string[], info: KeyInfo): string {
  const placeholder = PLACEHOLDER[path[0] ?? ''] ?? '<NAME>';
  const shown = path.map((step) => (step === '*' ? placeholder : step));
  const key = keyText(shown)
    .replace('.<N>', '[<N>]')
    .replaceAll(/<(\w+)>/g, (whole) => whole.toLowerCase());
  const secret = info.secrecy === 'always' ? ' Never shown in a message.' : '';
  const cells = [`\`${key}\``, fallback(info), `${info.about}${secret} Allowed: ${inShort(info.allowed)}.`, `\`${variableName(shown)}\``];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function fallback({ required, fallback: value }: KeyInfo): string {
  if (required) return 'required';
  return value === undefined ? '–' : `\`${Array.isArray(value) ? JSON.stringify(value) : String(value)}\``;
}

/** What the page explains above its tables is named here only. */
function inShort(allowed: string): string {
  return allowed.replace(DURATION_ALLOWED, 'a duration').replace(BYTE_SIZE_ALLOWED, 'a size').replace(AE_TITLE_ALLOWED, 'an AE title');
}
