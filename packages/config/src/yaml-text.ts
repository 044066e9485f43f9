import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
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

/** `file` is only shown. YAML 1.2, one document; duplicate keys are errors. */
export function readYaml(file: string, text: string): YamlText {
  const lines = new LineCounter();
  // Without pretty errors: they quote the line, which may hold a secret.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const problems = document.errors.map(
    (error): Problem => ({ code: 'yaml_syntax', key: undefined, where: at(error.pos[0]), message: `not YAML: ${error.message}` }),
  );
  if (problems.length > 0) return { value: undefined, problems, locate: () => file };
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) as unknown, problems, locate };
  } catch {
    const message = 'not usable YAML: aliases that are unknown or expand without end';
    return { value: undefined, problems: [{ code: 'yaml_syntax', key: undefined, where: file, message }], locate: () => file };
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
