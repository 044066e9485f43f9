/** What the process ends with; the same on every command. */
export const ExitCode = {
  /** It did what was asked. */
  ok: 0,
  /** It tried, and it did not go: a port in use, a destination that does not answer. */
  failed: 1,
  /** It could not try: wrong usage, wrong or unreadable configuration. */
  usage: 2,
  /** `studies check` looked, and something is short or lost. */
  found: 3,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Ends a command: the lines go to standard error, the code to the shell. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
