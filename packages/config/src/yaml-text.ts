import { type Document, type ErrorCode, isCollection, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { Problem } from './config-error.ts';
import type { KeyPath } from './schema-walk.ts';

/** A YAML file as plain values that know where they stand. */
export interface YamlText {
  readonly value: unknown;
  /** Syntax errors; when there are any, `value` is not to be used. */
  readonly problems: readonly Problem[];
  /** `file:line:column` of a key, or of the nearest thing around it that is there. */
  locate(path: KeyPath): string;
}

/** What comes behind these is mostly wrong because of them. */
const maxProblems = 3;
/** `Unexpected scalar token in YAML stream: "hunter2"`, `Invalid escape sequence \h`. */
const quoted = /((?<=\w): | \\).*$/s;

/** Where the library speaks of itself, or of no key, or does not say what to do: by its code, then by its words. */
const inOurWords: readonly (readonly [ErrorCode, RegExp, string])[] = [
  ['DUPLICATE_KEY', /^/, 'this key stands here for the second time'],
  ['MULTIPLE_DOCS', /^/, 'a second document begins here; a configuration is one'],
  ['TAG_RESOLVE_FAILED', /^/, 'this tag is not known; a value with an exclamation mark in front is written in quotes'],
  ['BAD_ALIAS', /^Alias/, 'an asterisk in front names an alias; as a value it is written in quotes: "*"'],
  ['BAD_SCALAR_START', /^/, 'a value that begins with this character is written in quotes'],
  ['BLOCK_IN_FLOW', /^/, 'a comma or a closing bracket is missing behind this, or before it'],
  ['BLOCK_AS_IMPLICIT_KEY', /^Nested/, 'a second colon in one line; a value with a colon and a space in it is written in quotes'],
  ['MISSING_CHAR', /^Implicit map keys/, 'no key and value; between them stands a colon with a plain space behind it'],
  ['BAD_INDENT', /^Flow (map|sequence)/, 'a bracket before this is not closed; from a space with a # behind it on, a line is a comment'],
  [
    'UNEXPECTED_TOKEN',
    /^Unexpected flow-\w+-start/,
    `a bracket in the middle of a value, which is then written in quotes; \${…} is not filled in`,
  ],
  ['MISSING_CHAR', /^Missing closing/, 'a quotation mark that is not closed'],
];

/** In front of a line, or behind a colon, a dash, a comma or a bracket, where it looks as a space does, or as nothing, and is a letter to YAML. */
const lookAlike = /(?:^[ \t]*|^[^#\n"']*[:,[{-] *)([\u00a0\u200b\u2060])/m;

/** `file` is only shown. YAML 1.2, one document; duplicate keys are errors. */
export function readYaml(file: string, text: string): YamlText {
  const strange = text.search(/[\0\ufffd]/);
  if (strange >= 0) {
    const line = text.slice(0, strange).split('\n').length;
    return unreadable(`${file}:${line}`, 'not text in UTF-8 (UTF-16, Latin-1, or no text at all); save it as UTF-8');
  }
  const lines = new LineCounter();
  // Without pretty errors, and warnings on standard error: they quote the file, which may hold a secret; without what the others quote.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  // What it warns of it reads otherwise than it was meant: `!env NAME` as NAME, say.
  const problems = [...document.errors, ...document.warnings].slice(0, maxProblems).map(({ code, message, pos: [offset] }): Problem => {
    const [, , ours] = inOurWords.find(([of, words]) => of === code && words.test(message)) ?? [];
    // Told where the file ends, or another string begins: looked for is where it opens.
    const where = ours?.startsWith('a quotation mark') ? openQuote(document, offset) : offset;
    return { code: 'yaml_syntax', key: undefined, where: at(where), message: `not YAML: ${ours ?? message.replace(quoted, '')}` };
  });
  const template = keyThatIsNone(document);
  if (template !== undefined) {
    const message = 'not YAML: brackets stand here as a key; is it a template ({{ … }}) that was not filled in?';
    problems.push({ code: 'yaml_syntax', key: undefined, where: at(template), message });
  }
  const copied = lookAlike.exec(text);
  if (copied !== null) {
    const message = 'not YAML: here stands what only looks as a space, or as nothing, as copied text has it; write it anew';
    problems.unshift({ code: 'yaml_syntax', key: undefined, where: at(copied.index + copied[0].length - 1), message });
  }
  if (problems.length > 0) return { value: undefined, problems: problems.slice(0, maxProblems), locate: () => file };
  try {
    const value = document.toJS({ maxAliasCount: 100 }) as unknown;
    // Fails where something holds itself.
    JSON.stringify(value);
    return { value, problems, locate };
  } catch {
    const unknown = unknownAlias(document);
    if (unknown !== undefined)
      return unreadable(
        at(unknown),
        'not usable YAML: an alias that no anchor before it has; a text that begins with * is written in quotes',
      );
    return unreadable(file, 'not usable YAML: aliases that expand without end');
  }

  function locate(path: KeyPath): string {
    for (let length = path.length; length > 0; length--) {
      const parent = document.getIn(path.slice(0, length - 1), true);
      const step = path[length - 1];
      const key = isMap(parent)
        ? parent.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === step)?.key
        : document.getIn(path.slice(0, length), true);
      if (isNode(key) && key.range !== undefined && key.range !== null) return at(key.range[0]);
    }
    return file;
  }
}

/** Offset of the string that holds this place, or of the place. */
function openQuote(document: Document, offset: number): number {
  let start = offset;
  visit(document, {
    Scalar: (_, { type, range }) => {
      if (type?.startsWith('QUOTE') === true && range != null && range[0] < offset && range[1] >= offset) start = range[0];
    },
  });
  return start;
}

/** Offset of the first key that is a mapping or a list. */
function keyThatIsNone(document: Document): number | undefined {
  let offset: number | undefined;
  visit(document, {
    Pair: (_, { key }) => {
      if (!isCollection(key)) return undefined;
      offset = key.range?.[0];
      return visit.BREAK;
    },
  });
  return offset;
}

/** Offset of the first alias without an anchor. */
function unknownAlias(document: Document): number | undefined {
  let offset: number | undefined;
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return undefined;
      offset = alias.range?.[0];
      return visit.BREAK;
    },
  });
  return offset;
}

function unreadable(file: string, message: string): YamlText {
  return { value: undefined, problems: [{ code: 'yaml_syntax', key: undefined, where: file, message }], locate: () => file };
}
