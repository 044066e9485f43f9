/**
 * Every key that holds a value can be set by an environment variable: its path in capitals, words and steps joined by `_`
 * (`RADIOTRACER_ADMIN_PORT`, `RADIOTRACER_DESTINATIONS_PACS_HOST`, `RADIOTRACER_LISTENERS_0_PORT`). It wins over the file.
 */
import type { Finding } from './config-error.ts';
import { nearest } from './nearest.ts';
import { isSwitch } from './schema-values.ts';
import { type KeyPath, nodeAt, type SchemaNode, schemaRoot } from './schema-walk.ts';

const PREFIX = 'RADIOTRACER_';

/** Set by Kubernetes in every container beside a Service named `radiotracer`; not ours. */
const KUBERNETES_SERVICE = /^RADIOTRACER_(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;

export interface Overridden {
  /** The file's values with the environment's put over them; the argument is left as it was. */
  readonly value: unknown;
  /** Which variable set a key, by the key's path as JSON. */
  readonly variables: ReadonlyMap<string, string>;
  /** Path empty; the text names the variable. */
  readonly findings: readonly Finding[];
}

/** Empty variables count as unset. */
export function overrideFromEnvironment(fileValue: unknown, env: Readonly<Record<string, string | undefined>>): Overridden {
  const value: unknown = structuredClone(fileValue ?? {});
  const variables = new Map<string, string>();
  const findings: Finding[] = [];
  for (const variable of ownVariables(env)) {
    const paths = resolve(schemaRoot, value, variable.slice(PREFIX.length));
    const [path] = paths;
    if (path === undefined || paths.length > 1) {
      findings.push({ code: 'unknown_variable', path: [], text: path === undefined ? unknown(variable, value) : ambiguous(variable) });
      continue;
    }
    if (write(value, path, fromText(path, env[variable] ?? ''))) variables.set(JSON.stringify(path), variable);
  }
  return { value, variables, findings };
}

/** Whether any of them sets a key. */
export function ownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && env[name] !== undefined && env[name] !== '' && !KUBERNETES_SERVICE.test(name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** The variable that sets a key: `['listeners', 0, 'port']` or, as in the documentation, `['listeners', '<N>', 'port']`. */
export function variableName(path: KeyPath): string {
  return PREFIX + path.map((step) => segment(String(step))).join('_');
}

function segment(key: string): string {
  if (key.startsWith('<')) return key;
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]/g, '_')
    .toUpperCase();
}

/** Every key that the rest of a variable's name can mean; more than one when two names differ in nothing but punctuation. */
function resolve(node: SchemaNode, value: unknown, rest: string): KeyPath[] {
  if (node.kind === 'value' || (node.kind === 'object' && node.switchable === true && rest === '')) return rest === '' ? [[]] : [];
  if (node.kind === 'list') return resolveInList(node.each, value, rest);
  const known = node.kind === 'object' ? [...node.keys] : Object.keys(record(value)).map((key) => [key, node.each] as const);
  const found = known.flatMap(([key, child]) => resolveBelow(key, child, value, rest));
  if (found.length > 0 || node.kind === 'object') return found;
  if (node.each.kind === 'value') return rest === '' ? [] : [[rest.toLowerCase()]];
  // A destination that the file does not have: what is left when a key of destinations has been taken off the end.
  return [...rest.matchAll(/_/g)]
    .map(({ index }) => rest.slice(0, index).toLowerCase())
    .flatMap((key) => resolveBelow(key, node.each, value, rest));
}

function resolveBelow(key: string, child: SchemaNode, value: unknown, rest: string): KeyPath[] {
  const name = segment(key);
  if (rest !== name && !rest.startsWith(`${name}_`)) return [];
  return resolve(child, record(value)[key], rest.slice(name.length + 1)).map((path) => [key, ...path]);
}

function resolveInList(each: SchemaNode, value: unknown, rest: string): KeyPath[] {
  const [, digits, below] = /^(\d{1,4})_(.+)$/.exec(rest) ?? [];
  const list = Array.isArray(value) ? value : [];
  const index = Number(digits);
  // One past the end appends; a gap would be a mistake.
  if (digits === undefined || below === undefined || index > list.length) return [];
  return resolve(each, list[index], below).map((path) => [index, ...path]);
}

function fromText(path: KeyPath, text: string): unknown {
  const node = nodeAt(path);
  const written = node?.kind === 'value' ? node.info.written : 'text';
  if (written === 'number' && /^\d{1,15}$/.test(text)) return Number(text);
  if (written === 'list') return text.split(',').map((part) => part.trim());
  return text;
}

/** False when something else stands in the way, which the check of the file will tell. */
function write(root: unknown, path: KeyPath, value: unknown): boolean {
  let place = root;
  for (const [depth, step] of path.entries()) {
    if (typeof place !== 'object' || place === null) return false;
    const holder = place as Record<string | number, unknown>;
    if (depth === path.length - 1) {
      // Turned on already, with what the file says of it.
      const isMapping = typeof holder[step] === 'object' && holder[step] !== null;
      if (value !== 'true' || !isMapping) holder[step] = value;
    } else {
      const node = nodeAt(path.slice(0, depth + 1));
      if (node?.kind === 'object' && node.switchable === true && isSwitch(holder[step])) holder[step] = {};
      holder[step] ??= typeof path[depth + 1] === 'number' ? [] : {};
    }
    place = holder[step];
  }
  return true;
}

function unknown(variable: string, value: unknown): string {
  // Without what all of them have in common, which would make any two alike.
  const names = [...possibleNames(schemaRoot, value, [])].map((name) => name.slice(PREFIX.length));
  const suggestion = nearest(variable.slice(PREFIX.length), names);
  const list = /^RADIOTRACER_(LISTENERS|ROUTES)_\d/.test(variable) ? ' (positions are counted from 0, without a gap)' : '';
  return `${variable}: no key has this name${list}${suggestion === undefined ? '' : `; did you mean ${PREFIX}${suggestion}?`}`;
}

function ambiguous(variable: string): string {
  return `${variable}: can mean several keys, whose names differ only in punctuation or capitals; set them in the file`;
}

function* possibleNames(node: SchemaNode, value: unknown, path: KeyPath): Generator<string> {
  if (node.kind === 'value') yield variableName(path);
  else if (node.kind === 'object') for (const [key, child] of node.keys) yield* possibleNames(child, record(value)[key], [...path, key]);
  else if (node.kind === 'record')
    for (const [key, child] of Object.entries(record(value))) yield* possibleNames(node.each, child, [...path, key]);
  else
    for (const index of [...(Array.isArray(value) ? value : []), undefined].keys())
      yield* possibleNames(node.each, undefined, [...path, index]);
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
