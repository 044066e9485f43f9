import { unusedRoutes } from '@radiotracer/config';
import { otelFindings } from '@radiotracer/proxy';
import { sopClassName } from '@radiotracer/telemetry';
import { implementation } from '@radiotracer/upper-layer';
import { describeError } from './describe-error.ts';
import { type EchoOutcome, isThere, outcomeOfEcho, outcomeText } from './echo-outcome.ts';
import { type AeTitleOptions, echoToDestination, echoWithTls } from './echo-request.ts';
import { ExitCode } from './exit-code.ts';
import { exportText } from './export-text.ts';
import { counted } from './lab/figures.ts';
import { isFailure, obstacleText } from './obstacle-text.ts';
import { refuseOwnListeners } from './own-listeners.ts';
import { healthText, proxyHealth } from './proxy-health.ts';
import { strandedIn } from './queue/stranded.ts';
import { type ConfigOption, readConfig } from './read-config.ts';
import type { Surroundings } from './surroundings.ts';
import { checkTls } from './tls-check.ts';

export interface CheckOptions extends ConfigOption, Pick<AeTitleOptions, 'callingAet'> {
  readonly json?: boolean;
}

interface CheckedDestination extends EchoOutcome {
  readonly id: string;
  /** By abstract syntax, then transfer syntax: accepted or refused when last asked. What is taken for it in an outage. */
  readonly learned: Learned;
}

type Learned = Readonly<Record<string, Readonly<Record<string, boolean>>>>;

/**
 * The configuration, the files of TLS, OpenTelemetry's variables, what else a start would meet where the proxy does not run, then every destination:
 * can it be reached, does it answer a C-ECHO; and whether telemetry is taken. A line on standard error for each that is not well. Whether the proxy runs
 * is told, and is no failure: one checks before the start, too. Neither is telemetry: images go without it.
 */
export async function checkCommand(options: CheckOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { config, file } = await readConfig(options, surroundings);
  await refuseOwnListeners(config);
  const unused = unusedRoutes(config.routes);
  const learned = await surroundings.readCapabilities(config).catch((error: unknown) => {
    surroundings.err(`what destinations accept: ${describeError(error)}; it will be learned anew\n`);
    return {};
  });
  const tls = await checkTls(config, surroundings);
  const asked = Promise.all(
    Object.values(config.destinations).map(async (destination): Promise<CheckedDestination> => {
      const outcome = await outcomeOfEcho(echoWithTls(destination, surroundings), echoToDestination(config, destination, options));
      return { id: destination.id, ...outcome, learned: (learned as Readonly<Record<string, Learned>>)[destination.id] ?? {} };
    }),
  );
  const looked = proxyHealth(config, surroundings).then(async (proxy) => ({
    proxy,
    obstacles: await surroundings.obstacles(config, proxy.running),
    stranded: await strandedIn(config),
  }));
  const tried = surroundings.tryExports(config.telemetry.otlp);
  const [destinations, { proxy, obstacles, stranded }, exports] = await Promise.all([asked, looked, tried]);
  const failures = obstacles.filter(isFailure).length;
  const ok = failures === 0 && destinations.every(isThere) && tls.every(({ kind }) => kind === 'expires-soon');
  const otel = otelFindings(config.telemetry.otlp);
  if (options.json === true) {
    const report = {
      ...{ ok, config: { file: file ?? null }, proxy, unusedRoutes: unused.map(({ route }) => route.id), otel },
      obstacles: obstacles.map((obstacle) => ({ kind: obstacle.kind, message: obstacleText(obstacle, config) })),
      exports: exports.map(({ signal, url, failure }) => ({
        signal,
        url,
        ok: failure === undefined,
        errorType: failure?.errorType ?? null,
      })),
      ...{ tls: tls.map(({ kind, message }) => ({ kind, message })), destinations, stranded },
    };
    surroundings.out(`${JSON.stringify(report, undefined, 2)}\n`);
  } else {
    const inTheWay = failures + tls.filter(({ kind }) => kind === 'unusable').length;
    const start = proxy.running ? '' : startText(inTheWay);
    const taken = exports.filter(({ failure }) => failure === undefined).map((one) => `${exportText(one)}\n`);
    surroundings.out(
      `configuration: ok (${file ?? 'environment'})\n${healthText(proxy)}\n${start}${taken.join('')}${table(destinations)}${destinations.map(learnedText).join('')}`,
    );
  }
  for (const obstacle of obstacles) surroundings.err(`${obstacleText(obstacle, config)}\n`);
  for (const message of otel) surroundings.err(`${message}\n`);
  for (const one of exports) if (one.failure !== undefined) surroundings.err(`${exportText(one)}\n`);
  for (const { route, takenBy } of unused)
    surroundings.err(`route ${route.id} is never used: ${takenBy.id}, which stands before it, takes all that would come to it\n`);
  for (const { id, calledAet = '', callingAet = '' } of config.routes)
    for (const title of [calledAet, callingAet].filter((each) => each.includes('*')))
      surroundings.err(`route ${id} is for the AE title "${title}" as it stands: only "*" alone is any\n`);
  for (const { destination, instances } of stranded)
    surroundings.err(
      `${destination} is not configured, and nobody sends what waits for it: ${counted(instances, 'instance', 'instances')}; a destination of that name gets it, wherever it leads\n`,
    );
  // Of a destination that cannot be asked for it, it is said with the destination.
  for (const { kind, destinationId, message } of tls)
    if (kind !== 'unusable' || destinationId === undefined) surroundings.err(`${message}\n`);
  for (const destination of destinations) {
    if (!destination.ok) surroundings.err(`destination ${destination.id}, ${outcomeText(destination)}\n`);
    else if (destination.implementation === implementation.versionName)
      surroundings.err(
        `destination ${destination.id} was answered for by a radiotracer, and not by what stands behind that: is it down, or do the two lead to each other?\n`,
      );
  }
  return ok ? ExitCode.ok : ExitCode.failed;
}

function startText(failures: number): string {
  if (failures === 0) return 'start: nothing stands in its way\n';
  return `start: ${failures === 1 ? 'one thing stands' : `${failures} things stand`} in its way\n`;
}

/** What was seen of it, so what it is taken for when it is down. One sender can ask it for 128 SOP classes, most of which have one answer. */
function learnedText({ id, learned }: CheckedDestination): string {
  const syntaxes = Object.entries(learned).sort(([one], [other]) => (one < other ? -1 : 1));
  const title =
    syntaxes.length === 0
      ? `${id}: nothing was seen of what it accepts; in an outage its route says what is taken for it`
      : `${id} was seen to accept:`;
  const alike = Map.groupBy(syntaxes, ([, answers]) => answersText(answers));
  return [title, ...[...alike].map(([answers, classes]) => `  ${classesText(classes.map(([uid]) => uid))}: ${answers}`)]
    .map((line) => `${line}\n`)
    .join('');
}

const mostClassesNamed = 4;

function classesText(uids: readonly string[]): string {
  const names = uids.map((uid) => sopClassName(uid) ?? uid);
  if (names.length <= mostClassesNamed) return names.join(', ');
  const named = names.slice(0, mostClassesNamed - 1);
  return `${named.join(', ')} and ${names.length - named.length} more (--json names them)`;
}

function answersText(answers: Readonly<Record<string, boolean>>): string {
  const which = (wanted: boolean) =>
    Object.entries(answers)
      .filter(([, accepted]) => accepted === wanted)
      .map(([uid]) => uid)
      .join(', ');
  const [accepted, refused] = [which(true), which(false)];
  return [accepted === '' ? 'nothing' : accepted, ...(refused === '' ? [] : [`not ${refused}`])].join('; ');
}

function table(destinations: readonly CheckedDestination[]): string {
  const rows = [
    ['DESTINATION', 'ADDRESS', 'CALLED', 'CALLING', 'TCP', 'C-ECHO', 'ANSWERED BY'],
    ...destinations.map((row) => [
      row.id,
      `${row.host}:${row.port}`,
      row.calledAet,
      row.callingAet,
      `${row.reachable ? 'ok' : 'failed'}${row.tls === null ? '' : `, TLS ${row.tls.protocolVersion}`}`,
      row.ok ? `ok ${row.durationMs} ms` : isThere(row) ? 'refused' : 'failed',
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
