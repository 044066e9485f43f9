import type { Config, Destination, DestinationTls, Timeouts } from '@radiotracer/config';
import { destinationFiles, optionFiles, readTlsClient, type TlsFileNames } from '@radiotracer/proxy';
import type { EchoOptions } from '@radiotracer/upper-layer';
import type { Surroundings } from './surroundings.ts';

/** Who we say we are, and whom we call, where nothing names others. */
export const OUR_AE_TITLE = 'RADIOTRACER';
const ANY_AE_TITLE = 'ANY-SCP';

/** A command of a person must end, so none of its waits is without limit. */
const LONGEST_WAIT_MS = 30_000;

export interface AeTitleOptions {
  readonly calledAet?: string;
  readonly callingAet?: string;
}

/** A C-ECHO as an association through the proxy would look to this destination, unless titles are given. */
export function echoToDestination(config: Config, destination: Destination, titles: AeTitleOptions): EchoOptions {
  const routes = config.routes.filter(({ to }) => to === destination.id);
  const called = destination.aet ?? firstDefined(routes.map(({ calledAet }) => calledAet));
  const calling = firstDefined(routes.map(({ rewriteCallingAet, callingAet }) => rewriteCallingAet ?? callingAet));
  return {
    host: destination.host,
    port: destination.port,
    calledAeTitle: titles.calledAet ?? called ?? ANY_AE_TITLE,
    callingAeTitle: titles.callingAet ?? calling ?? OUR_AE_TITLE,
    timeouts: limited(destination.timeouts),
  };
}

type EchoAndFiles = Pick<Surroundings, 'echo' | 'readFile'>;

/** The C-ECHO of a destination, over TLS where it has that. */
export function echoWithTls(destination: Destination, ports: EchoAndFiles): Surroundings['echo'] {
  return echoOver(destination.tls, destinationFiles(destination), ports);
}

/** The C-ECHO of an address, over TLS where options ask for it. */
export function echoWithOptions(tls: DestinationTls | undefined, ports: EchoAndFiles): Surroundings['echo'] {
  return echoOver(tls, tls && optionFiles(tls), ports);
}

function echoOver(
  tls: DestinationTls | undefined,
  names: TlsFileNames | undefined,
  { echo, readFile }: EchoAndFiles,
): Surroundings['echo'] {
  if (tls === undefined || names === undefined) return echo;
  return async (options) => await echo({ ...options, tls: await readTlsClient(tls, names, readFile) });
}

/** A C-ECHO to an address that no configuration names. */
export function echoToAddress(host: string, port: number, titles: AeTitleOptions): EchoOptions {
  return {
    host,
    port,
    calledAeTitle: titles.calledAet ?? ANY_AE_TITLE,
    callingAeTitle: titles.callingAet ?? OUR_AE_TITLE,
    timeouts: limited({ connectMs: 10_000, associateMs: LONGEST_WAIT_MS, dimseResponseMs: LONGEST_WAIT_MS }),
  };
}

function limited(timeouts: Pick<Timeouts, 'connectMs' | 'associateMs' | 'dimseResponseMs'>): EchoOptions['timeouts'] {
  const within = (waitMs: number): number => (waitMs === 0 ? LONGEST_WAIT_MS : Math.min(waitMs, LONGEST_WAIT_MS));
  return {
    connectTimeoutMs: within(timeouts.connectMs),
    associateTimeoutMs: within(timeouts.associateMs),
    dimseTimeoutMs: within(timeouts.dimseResponseMs),
  };
}

function firstDefined(values: readonly (string | undefined)[]): string | undefined {
  return values.find((value) => value !== undefined);
}
