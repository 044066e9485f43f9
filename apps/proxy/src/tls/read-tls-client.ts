import { createSecureContext } from 'node:tls';
import type { DestinationTls } from '@radiotracer/config';
import { secureContextOptions, type TlsClient } from '@radiotracer/upper-layer';
import { TlsFilesError } from './kept-tls-files.ts';
import { type ReadText, readTlsFiles, type TlsFileNames } from './read-tls-files.ts';

/** For one connection, by whoever does not stay. @throws TlsFilesError with everything that cannot be used */
export async function readTlsClient(
  { verify, serverName }: Pick<DestinationTls, 'verify' | 'serverName'>,
  names: TlsFileNames,
  readText: ReadText,
): Promise<TlsClient> {
  const { material, findings } = await readTlsFiles(names, readText, Date.now());
  if (material === undefined) throw new TlsFilesError(findings.filter(({ kind }) => kind === 'unusable').map(({ message }) => message));
  return { context: createSecureContext(secureContextOptions(material)), verify, serverName };
}
