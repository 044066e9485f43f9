import { type KeyPath, keyText } from './schema-walk.ts';

export type ProblemCode =
  | 'file_missing'
  | 'file_unreadable'
  | 'yaml_syntax'
  | 'unknown_key'
  | 'unknown_variable'
  | 'missing'
  | 'not_allowed'
  | 'no_such_destination'
  | 'duplicate'
  | 'token_needed'
  | 'redis_needed'
  | 'ledger_needed'
  | 'key_needed'
  | 'ca_needed'
  | 'title_taken';

/** One thing that is wrong, told so that it can be mended without looking anything up. */
export interface Problem {
  readonly code: ProblemCode;
  /** `destinations.pacs.port`; undefined when the whole file is meant. */
  readonly key: string | undefined;
  /** Where the value stands: `radiotracer.yaml:7:11`, or the environment variable that set it. */
  readonly where: string | undefined;
  /** Key, what was found, what is allowed, in one line. */
  readonly message: string;
}

/** The configuration is wrong; all that is wrong is told, and nothing has been started. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'config_invalid';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ where, message }) => (where === undefined ? message : `${where}: ${message}`)).join('\n'));
    this.problems = problems;
  }
}

/** A problem before it is known where its key stands. */
export interface Finding {
  readonly code: ProblemCode;
  readonly path: KeyPath;
  /** What to say after the key. */
  readonly text: string;
}

/** The finding with its place. */
export function problemAt(finding: Finding, where: string | undefined): Problem {
  // `{ token hunter2 }` and `{ token:hunter2 }` are keys.
  const path =
    finding.code === 'unknown_key'
      ? finding.path.map((step) => (typeof step === 'string' ? step.replace(/[\s:].*$/s, ' …') : step))
      : finding.path;
  const key = path.length === 0 ? undefined : keyText(path);
  return { code: finding.code, key, where, message: key === undefined ? finding.text : `${key}: ${finding.text}` };
}
