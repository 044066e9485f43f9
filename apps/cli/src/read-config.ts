import { ConfigError, type LoadedConfig, loadConfig } from '@radiotracer/config';
import { CommandFailure, ExitCode } from './exit-code.ts';
import type { Surroundings } from './surroundings.ts';

export interface ConfigOption {
  readonly config?: string;
}

/** What `--config` is, in the help of every command that has it. */
export const configText = 'configuration; without it ./radiotracer.yaml, then /etc/radiotracer/radiotracer.yaml';

/** A command to go on with, to be copied into a shell: for the configuration that this one was run with. */
export type NextCommand = (command: string) => string;

export function nextCommand({ config }: ConfigOption): NextCommand {
  const file = config === undefined ? '' : ` --config ${/^[\w./-]+$/.test(config) ? config : `'${config.replaceAll("'", "'\\''")}'`}`;
  return (command) => `radiotracer ${command}${file}`;
}

/** @throws CommandFailure (usage) with a line for everything that is wrong. */
export async function readConfig(options: ConfigOption, { env, readFile }: Surroundings): Promise<LoadedConfig> {
  try {
    return await loadConfig({ file: options.config, env, readFile });
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandFailure(ExitCode.usage, error.message);
    throw error;
  }
}
