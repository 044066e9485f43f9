import { describeError } from './describe-error.ts';
import { CommandFailure, ExitCode } from './exit-code.ts';
import { refuseOwnListeners } from './own-listeners.ts';
import { type ConfigOption, readConfig } from './read-config.ts';
import { startFailureText } from './start-failure.ts';
import { stopSignals } from './stop-signals.ts';
import type { StartedProxy, Surroundings } from './surroundings.ts';

export interface StartOptions extends ConfigOption {
  readonly json?: boolean;
}

/**
 * Runs the proxy until it is told to stop. The first SIGTERM, SIGINT or SIGHUP drains: no new associations, those that are there may end
 * within `shutdown.drain`. The second aborts them. Either way the proxy was stopped as asked, and the code is 0.
 */
export async function startCommand(options: StartOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { config } = await readConfig(options, surroundings);
  await refuseOwnListeners(config);
  const stop = stopSignals(surroundings);
  let proxy: StartedProxy;
  try {
    const gaveUp = stop.second.then((): never => {
      throw new Error('stopped before it had started');
    });
    proxy = await Promise.race([surroundings.startProxy(config), gaveUp]);
  } catch (error) {
    throw new CommandFailure(ExitCode.failed, `cannot start: ${startFailureText(error, config)}`);
  }
  announce(proxy, options, surroundings);
  await stop.first;
  const drained = proxy.drain(config.shutdown.drainMs);
  const aborted = stop.second.then(() => proxy.abort());
  try {
    await Promise.race([drained, aborted]);
  } catch (error) {
    throw new CommandFailure(ExitCode.failed, `did not stop cleanly: ${describeError(error)}`);
  }
  return ExitCode.ok;
}

function announce({ listeners, adminPort }: StartedProxy, options: StartOptions, { out, err, version }: Surroundings): void {
  if (options.json === true) {
    out(`${JSON.stringify({ event: 'ready', version, listeners, adminPort: adminPort ?? null })}\n`);
    return;
  }
  const places = listeners.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(', ');
  err(`radiotracer ${version} listens on ${places}${adminPort === undefined ? '' : `; health on port ${adminPort}`}\n`);
}
