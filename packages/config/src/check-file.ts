import * as z from 'zod';
import type { Finding } from './config-error.ts';
import { crossCheck } from './cross-checks.ts';
import { nearest } from './nearest.ts';
import { type CheckedFile, fileSchema } from './schema.ts';
import { type KeyPath, keyText, nodeAt, type SchemaNode, schemaRoot } from './schema-walk.ts';

/** The checked values, or everything that is wrong with them. A key without a value is a key left out. */
export function checkFile(written: unknown): { readonly file: CheckedFile } | { readonly findings: readonly Finding[] } {
  const value = withoutEmpty(written) ?? {};
  const result = fileSchema.safeParse(value);
  const issues = (result.error?.issues ?? []).flatMap((issue) => findingsOf(issue, value));
  // Of a number that is none for two reasons there are two alike.
  const once = issues.filter(
    ({ path, text }, index) => issues.findIndex((other) => other.text === text && keyText(other.path) === keyText(path)) === index,
  );
  const findings = [...emptyUnknown(written, schemaRoot, []), ...once, ...crossCheck(value)];
  return result.success && findings.length === 0 ? { file: result.data } : { findings };
}

/** Keys that are not known and have nothing after them, such as `calledAet PROXY` without a colon: left out, they would go unnoticed. */
function* emptyUnknown(value: unknown, node: SchemaNode | undefined, path: KeyPath): Generator<Finding> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, element] of Object.entries(value)) {
    const key = Array.isArray(value) ? Number(name) : name;
    const isUnknown = node?.kind === 'object' && !node.keys.has(name);
    if (element === null && isUnknown) yield { code: 'unknown_key', path: [...path, key], text: unknownKey(name, node) };
    else yield* emptyUnknown(element, nodeAt([...path, key]), [...path, key]);
  }
}

function findingsOf(issue: z.core.$ZodIssue, root: unknown): Finding[] {
  const path = issue.path as KeyPath;
  const node = nodeAt(path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key): Finding => ({ code: 'unknown_key', path: [...path, key], text: unknownKey(key, node) }));
  }
  if (issue.code === 'invalid_key') {
    return [
      {
        code: 'not_allowed',
        path,
        text: 'this name is not allowed; allowed: letters, digits, "-", "_", ".", at most 64, first a letter or digit',
      },
    ];
  }
  // An element of a list of values has no node of its own: the list says what is allowed in it.
  const owner = node ?? nodeAt(path.slice(0, -1));
  if (owner === undefined) return [];
  const found = valueAt(root, path);
  const allowed = allowedAt(owner, path);
  if (found === undefined) return [{ code: 'missing', path, text: `missing; allowed: ${allowed}` }];
  return [
    {
      code: 'not_allowed',
      path,
      text: `found ${isSecret(found, owner) ? `a ${owner.kind === 'value' ? 'secret' : 'text'} that is not shown` : shown(found)}; allowed: ${allowed}${quotesHint(found, owner)}`,
    },
  ];
}

/** YAML has taken digits for a number, or in quotes for a text. */
function quotesHint(found: unknown, owner: SchemaNode): string {
  if (owner.kind !== 'value') return '';
  const isText = typeof found === 'string';
  if (!isText && typeof found !== 'number' && typeof found !== 'boolean') return '';
  const meant = isText ? Number(found.trim() || Number.NaN) : String(found);
  if (!z.safeParse(owner.schema, meant).success) return '';
  return isText ? '; written without quotes' : '; written in quotes';
}

/** Also what was written in the place of a mapping that may hold one. */
function isSecret(found: unknown, owner: SchemaNode): boolean {
  if (owner.kind === 'object') return typeof found === 'string' && [...owner.keys.values()].some((child) => isSecret(found, child));
  if (owner.kind !== 'value') return false;
  const { secrecy } = owner.info;
  return secrecy === 'always' || (secrecy === 'password-in-url' && /[@?]/.test(String(found)));
}

function unknownKey(key: string, node: SchemaNode | undefined): string {
  if (key === '<<') return 'YAML 1.2 merges no mappings; write out what is meant';
  const keys = node?.kind === 'object' ? [...node.keys.keys()] : [];
  const meant = nearest(key, keys) ?? keys.find((known) => beginsAs(key, known));
  if (meant !== undefined) return `unknown key; did you mean "${meant}"?`;
  const elsewhere = [...placesOf(key, schemaRoot, '')];
  if (elsewhere.length > 0) return `unknown key; did you mean ${elsewhere.join(' or ')}?`;
  return `unknown key; known here: ${keys.join(', ')}`;
}

/** `aeTitle`, `logging`, `hostname`. */
function beginsAs(key: string, known: string): boolean {
  return key.toLowerCase().replaceAll(/[_-]/g, '').startsWith(known.toLowerCase());
}

/** Every place that has a key of this name. */
function* placesOf(key: string, node: SchemaNode, path: string): Generator<string> {
  if (node.kind === 'list') yield* placesOf(key, node.each, `${path}[<n>]`);
  if (node.kind === 'record') yield* placesOf(key, node.each, `${path}.<id>`);
  if (node.kind !== 'object') return;
  for (const [known, child] of node.keys) {
    const place = path === '' ? known : `${path}.${known}`;
    if (known === key) yield place;
    yield* placesOf(key, child, place);
  }
}

function allowedAt(node: SchemaNode, path: KeyPath): string {
  switch (node.kind) {
    case 'value':
      return node.info.allowed;
    case 'object':
      if (node.switchable === true) return `true, or a mapping with ${keysOf(node)}`;
      return path.length === 0 ? `a mapping of ${keysOf(node)}` : `a mapping with ${keysOf(node)}`;
    case 'record':
      if (node.each.kind === 'value') return `a mapping of names of yours, to each of them ${node.each.info.allowed}`;
      return 'a mapping with at least one name, such as pacs: { host: 10.1.2.3, port: 104 }';
    case 'list':
      return `a list of at least one mapping with ${node.each.kind === 'object' ? keysOf(node.each) : 'values'}`;
  }
}

function keysOf(node: SchemaNode & { kind: 'object' }): string {
  return [...node.keys.keys()].join(', ');
}

function valueAt(root: unknown, path: KeyPath): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list (${value.length})`;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0 ? 'an empty mapping' : 'a mapping';
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** YAML reads a key with nothing after it as null. */
function withoutEmpty(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map((element) => withoutEmpty(element) ?? element);
  if (typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value as object)
      .map(([key, element]) => [key, withoutEmpty(element)] as const)
      .filter(([, element]) => element !== undefined),
  );
}
