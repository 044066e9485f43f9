import type { Destination, Listener } from '@radiotracer/config';
import type { TlsFileNames } from './read-tls-files.ts';

/** Undefined: plain TCP. */
export function listenerFiles({ tls }: Listener, index: number): TlsFileNames | undefined {
  if (tls === undefined) return undefined;
  const { cert, key, ca, minVersion } = tls;
  return { key: `listeners[${index}].tls`, files: { cert, key, ca }, minVersion };
}

/** Undefined: plain TCP. */
export function destinationFiles({ id, tls }: Pick<Destination, 'id' | 'tls'>): TlsFileNames | undefined {
  if (tls === undefined) return undefined;
  const { cert, key, ca, minVersion } = tls;
  return { key: `destinations.${id}.tls`, files: { cert, key, ca }, minVersion };
}
