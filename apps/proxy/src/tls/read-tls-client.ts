import { createSecureContext } from 'node:tls';
import type { Destination } from '@radiotracer/config';
import { secureContextOptions, type TlsClient } from '@radiotracer/upper-layer';
import { TlsFilesError } from './kept-tls-files.ts';
import { type ReadText, readTlsFiles } from './read-tls-files.ts';
import { destinationFiles } from './tls-file-names.ts';

/** For one connection, by whoever does not stay. Undefined: plain TCP. @throws TlsFilesError with everything that cannot be used */
export async function readTlsClient(destination: Pick<Destination, 'id' | 'tls'>, readText: ReadText): Promise<TlsClient | undefined> {
  const names = destinationFiles(destination);
  if (names === undefined || destination.tls === undefined) return undefined;
  const { material, findings } = await readTlsFiles(names, readText, Date.now());
  if (material === undefined) throw new TlsFilesError(findings.filter(({ kind }) => kind === 'unusable').map(({ message }) => message));
  const { verify, serverName } = destination.tls;
  return { context: createSecureContext(secureContextOptions(material)), verify, serverName };
}
