/** What every bench that starts processes does around its measuring. */
import type { Stage } from '../../test/fixtures/stage.ts';

/** Who is told how it goes. */
export interface Watched {
  readonly onProgress: (text: string) => void;
  /** Told the stage first, so that an interrupted bench can clear it. */
  readonly onStage: (stage: Stage) => void;
}

export interface Interruptible extends Watched {
  /** Whether it is being ended: then everything fails, and nothing new may begin. */
  readonly isInterrupted: () => boolean;
}

export interface Command<Options> {
  readonly usage: string;
  /** Throws an error whose message is for the user; a wrong option's begins with `--`. */
  readonly readOptions: () => Options | 'help';
  /** False: something failed that was told already. */
  readonly measure: (options: Options, watched: Interruptible) => Promise<boolean>;
}

/** Runs it, and sets the exit code: 0; 1 something failed; 2 wrong options; 130 and 143 interrupted. */
export async function command<Options>({ usage, readOptions, measure }: Command<Options>): Promise<void> {
  let stage: Stage | undefined;
  let isInterrupted = false;
  const interrupt = (signal: NodeJS.Signals) => {
    progress('');
    const code = signal === 'SIGINT' ? 130 : 143;
    // The second time: at once. What still runs is killed as this process exits.
    if (isInterrupted) process.exit(code);
    isInterrupted = true;
    console.error(`${signal}: ending what was started`);
    const exit = () => process.exit(code);
    (stage?.clear() ?? Promise.resolve()).then(exit, exit);
  };
  const onStage = (started: Stage) => {
    stage = started;
  };
  try {
    const options = readOptions();
    if (options === 'help') {
      console.log(usage);
      return;
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
    process.exitCode = (await measure(options, { onProgress: progress, onStage, isInterrupted: () => isInterrupted })) ? 0 : 1;
  } catch (error) {
    // While it is being interrupted everything fails; the interruption ends it.
    if (isInterrupted) return;
    progress('');
    console.error(error instanceof Error ? error.message : error);
    const isUsage =
      error instanceof Error && (error.message.startsWith('--') || ('code' in error && String(error.code).startsWith('ERR_PARSE')));
    if (isUsage) console.error(usage);
    process.exitCode = isUsage ? 2 : 1;
  }
}

/** On a terminal one line that changes; elsewhere nothing. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
