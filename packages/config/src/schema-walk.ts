/** Reads the schema as a tree of keys, for whatever needs to know which keys there are. */
import * as z from 'zod';
import { fileSchema, type KeyInfo, keyInfo } from './schema.ts';

/** A place in the configuration: `['listeners', 0, 'port']`. */
export type KeyPath = readonly (string | number)[];

/** One level of the tree. */
export type SchemaNode =
  | { readonly kind: 'value'; readonly info: KeyInfo; readonly schema: z.core.$ZodType }
  /** `switchable`: `true` is as good as an empty one. */
  | { readonly kind: 'object'; readonly keys: ReadonlyMap<string, SchemaNode>; readonly switchable?: boolean }
  /** Keys are names that the user gives. */
  | { readonly kind: 'record'; readonly each: SchemaNode }
  | { readonly kind: 'list'; readonly each: SchemaNode };

function nodeOf(schema: z.core.$ZodType): SchemaNode {
  const info = keyInfo.get(schema as z.ZodType);
  if (info !== undefined) return { kind: 'value', info, schema };
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) return nodeOf(schema.def.innerType);
  if (schema instanceof z.ZodPipe) return { ...nodeOf(schema.def.out), switchable: true } as SchemaNode;
  if (schema instanceof z.ZodRecord) return { kind: 'record', each: nodeOf(schema.def.valueType) };
  if (schema instanceof z.ZodArray) return { kind: 'list', each: nodeOf(schema.def.element) };
  if (schema instanceof z.ZodObject) {
    return { kind: 'object', keys: new Map(Object.entries(schema.shape).map(([key, child]) => [key, nodeOf(child as z.ZodType)])) };
  }
  throw new TypeError(`a kind of schema that is not known here: ${schema._zod.def.type}`);
}

/** The whole configuration. */
export const schemaRoot: SchemaNode = nodeOf(fileSchema);

/** What the schema says of a place; undefined when there is no such key. */
export function nodeAt(path: KeyPath): SchemaNode | undefined {
  let node: SchemaNode | undefined = schemaRoot;
  for (const step of path) {
    if (node === undefined || node.kind === 'value') return undefined;
    node = node.kind === 'object' ? node.keys.get(String(step)) : node.each;
  }
  return node;
}

/** Every key that holds a value, in the order of the file; `*` stands for a name that the user gives or a position. */
export function* valueKeys(node: SchemaNode = schemaRoot, path: readonly string[] = []): Generator<[readonly string[], KeyInfo]> {
  if (node.kind === 'value') yield [path, node.info];
  else if (node.kind === 'object') for (const [key, child] of node.keys) yield* valueKeys(child, [...path, key]);
  else yield* valueKeys(node.each, [...path, '*']);
}

/** `listeners[0].port` */
export function keyText(path: KeyPath): string {
  let text = '';
  for (const step of path) text += typeof step === 'number' ? `[${step}]` : `${text === '' ? '' : '.'}${step}`;
  return text;
}
