/**
 * What is told of an error that nobody caught: name, code and place. Node would print its message, which may quote what a peer sent, and all that
 * hangs on it: on one of Redis the arguments of the command, with the UIDs of a study.
 */
export function lastWords(error: unknown): string {
  const { name, code, stack } = error instanceof Error ? (error as NodeJS.ErrnoException) : { name: typeof error };
  const frames = stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? [];
  return [`the process ends of an error that nobody caught: ${name}${code === undefined ? '' : ` (${code})`}`, ...frames, ''].join('\n');
}
