import { type ErrorCode, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
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

/** Where the library speaks of itself, or of no key. */
const inOurWords: Partial<Record<ErrorCode, string>> = {
  DUPLICATE_KEY: 'this key stands here for the second time',
  MULTIPLE_DOCS: 'a second document begins here; a configuration is one',
  TAG_RESOLVE_FAILED: 'this tag is not known; a value with an exclamation mark in front is written in quotes',
};

/** `file` is only shown. YAML 1.2, one document; duplicate keys are errors. */
export function readYaml(file: string, text: string): YamlText {
  if (/[\0\ufffd]/.test(text)) return unreadable(file, 'not text in UTF-8 (UTF-16, Latin-1, or no text at all)');
  const lines = new LineCounter();
  // Without pretty errors: they quote the line, which may hold a secret; without what the others quote.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  // What it warns of it reads otherwise than it was meant: `!env NAME` as NAME, say.
  const problems = [...document.errors, ...document.warnings].slice(0, maxProblems).map(
    ({ code, message, pos }): Problem => ({
      ...{ code: 'yaml_syntax', key: undefined, where: at(pos[0]) },
      message: `not YAML: ${inOurWords[code] ?? message.replace(quoted, '')}`,
    }),
  );
  if (problems.length > 0) return { value: undefined, problems, locate: () => file };
  try {
    const value = document.toJS({ maxAliasCount: 100 }) as unknown;
    // Fails where something holds itself.
    JSON.stringify(value);
    return { value, problems, locate };
  } catch {
    return unreadable(file, 'not usable YAML: aliases that are unknown or expand without end');
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

function unreadable(file: string, message: string): YamlText {
  return { value: undefined, problems: [{ code: 'yaml_syntax', key: undefined, where: file, message }], locate: () => file };
}
