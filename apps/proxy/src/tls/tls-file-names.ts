import type { Destination, DestinationTls, Listener } from '@radiotracer/config';
import type { TlsFileNames } from './read-tls-files.ts';

/** Undefined: plain TCP. */
export function listenerFiles({ tls }: Listener, index: number): TlsFileNames | undefined {
  if (tls === undefined) return undefined;
  const { cert, key, ca, minVersion } = tls;
  return { key: `listeners[${index}].tls`, separator: '.', files: { cert, key, ca }, minVersion };
}

/** Undefined: plain TCP. */
export function destinationFiles({ id, tls }: Pick<Destination, 'id' | 'tls'>): TlsFileNames | undefined {
  if (tls === undefined) return undefined;
  const { cert, key, ca, minVersion } = tls;
  return { key: `destinations.${id}.tls`, separator: '.', files: { cert, key, ca }, minVersion };
}

/** Of options of a command line: `--tls-cert`, `--tls-key`, `--tls-ca`. */
export function optionFiles({ cert, key, ca, minVersion }: DestinationTls): TlsFileNames {
  return { key: '--tls', separator: '-', files: { cert, key, ca }, minVersion };
}
