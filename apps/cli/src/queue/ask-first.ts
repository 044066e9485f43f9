import { CommandFailure, ExitCode } from '../exit-code.ts';
import type { Surroundings } from '../surroundings.ts';

export interface AskOptions {
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** What a command is about to do, and what it waits for. */
export interface Question {
  readonly text: string;
  /** What has happened so far: `removed`. */
  readonly done: string;
  readonly asked: string;
}

/** True: whoever runs it means it. @throws CommandFailure (usage) there is nobody to ask */
export async function askFirst(
  { text, done, asked }: Question,
  { yes, json }: AskOptions,
  { out, err, ask }: Pick<Surroundings, 'out' | 'err' | 'ask'>,
): Promise<boolean> {
  if (yes === true) return true;
  if (ask === undefined || json === true)
    throw new CommandFailure(ExitCode.usage, `${text}Nothing was ${done}: there is nobody to ask. If you mean it: --yes`);
  out(text);
  if ((await ask(`${asked} Type yes: `)).trim().toLowerCase() === 'yes') return true;
  err(`nothing was ${done}\n`);
  return false;
}
