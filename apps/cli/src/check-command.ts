import { type EchoOutcome, outcomeOfEcho, outcomeText } from './echo-outcome.ts';
import { type AeTitleOptions, echoToDestination } from './echo-request.ts';
import { ExitCode } from './exit-code.ts';
import { type ConfigOption, readConfig } from './read-config.ts';
import type { Surroundings } from './surroundings.ts';

export interface CheckOptions extends ConfigOption, Pick<AeTitleOptions, 'callingAet'> {
  readonly json?: boolean;
}

interface CheckedDestination extends EchoOutcome {
  readonly id: string;
}

/** The configuration, then every destination: can it be reached, does it answer a C-ECHO. A line on standard error for each that fails. */
export async function checkCommand(options: CheckOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { config, file } = await readConfig(options, surroundings);
  const destinations = await Promise.all(
    Object.values(config.destinations).map(async (destination): Promise<CheckedDestination> => {
      const outcome = await outcomeOfEcho(surroundings.echo, echoToDestination(config, destination, options));
      return { id: destination.id, ...outcome };
    }),
  );
  const ok = destinations.every((destination) => destination.ok);
  if (options.json === true) {
    surroundings.out(`${JSON.stringify({ ok, config: { file: file ?? null }, destinations }, undefined, 2)}\n`);
  } else {
    surroundings.out(`configuration: ok (${file ?? 'environment'})\n${table(destinations)}`);
  }
  for (const destination of destinations) {
    if (!destination.ok) surroundings.err(`destination ${destination.id}, ${outcomeText(destination)}\n`);
  }
  return ok ? ExitCode.ok : ExitCode.failed;
}

function table(destinations: readonly CheckedDestination[]): string {
  const rows = [
    ['DESTINATION', 'ADDRESS', 'CALLED', 'CALLING', 'TCP', 'C-ECHO', 'ANSWERED BY'],
    ...destinations.map((row) => [
      row.id,
      `${row.host}:${row.port}`,
      row.calledAet,
      row.callingAet,
      row.reachable ? 'ok' : 'failed',
      row.ok ? `ok ${row.durationMs} ms` : 'failed',
      row.implementation ?? '',
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
