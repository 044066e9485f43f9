import type { EchoOptions } from '@radiotracer/upper-layer';
import { outcomeOfEcho, outcomeText } from './echo-outcome.ts';
import { type AeTitleOptions, echoToAddress, echoToDestination, echoWithOptions, echoWithTls } from './echo-request.ts';
import { type EchoTlsOptions, tlsOf } from './echo-tls.ts';
import { CommandFailure, ExitCode } from './exit-code.ts';
import { type ConfigOption, readConfig } from './read-config.ts';
import type { Surroundings } from './surroundings.ts';

export interface EchoCommandOptions extends ConfigOption, AeTitleOptions, EchoTlsOptions {
  readonly json?: boolean;
}

/** One C-ECHO, to a destination of the configuration or to `host:port`; the latter needs no configuration. */
export async function echoCommand(target: string, options: EchoCommandOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { echo, asked } = await request(target, options, surroundings);
  const outcome = await outcomeOfEcho(echo, asked);
  if (options.json === true) surroundings.out(`${JSON.stringify(outcome, undefined, 2)}\n`);
  else if (outcome.ok) surroundings.out(`${outcomeText(outcome)}\n`);
  if (!outcome.ok) surroundings.err(`${outcomeText(outcome)}\n`);
  return outcome.ok ? ExitCode.ok : ExitCode.failed;
}

async function request(
  target: string,
  options: EchoCommandOptions,
  surroundings: Surroundings,
): Promise<{ readonly echo: Surroundings['echo']; readonly asked: EchoOptions }> {
  const [, bracketed, plain, digits] = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(target) ?? [];
  const host = bracketed ?? plain;
  const tls = tlsOf(options);
  const port = Number(digits);
  if (host !== undefined) {
    if (port < 1 || port > 65_535) throw new CommandFailure(ExitCode.usage, `found port ${digits}; allowed: 1 to 65535`);
    return { echo: echoWithOptions(tls, surroundings), asked: echoToAddress(host, port, options) };
  }
  if (tls !== undefined)
    throw new CommandFailure(
      ExitCode.usage,
      `found options of TLS for ${target}; allowed: with host:port. A destination has its own, \`tls\``,
    );
  const { config } = await readConfig(options, surroundings);
  const destination = Object.values(config.destinations).find(({ id }) => id === target);
  if (destination !== undefined)
    return { echo: echoWithTls(destination, surroundings), asked: echoToDestination(config, destination, options) };
  const known = Object.keys(config.destinations).join(', ');
  throw new CommandFailure(ExitCode.usage, `found "${target}"; allowed: host:port, or a destination of the configuration (${known})`);
}
