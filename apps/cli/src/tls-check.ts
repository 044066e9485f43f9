import type { Config } from '@radiotracer/config';
import { destinationFiles, listenerFiles, readTlsFiles, type TlsFinding } from '@radiotracer/proxy';
import type { Surroundings } from './surroundings.ts';

/** Of the files that the configuration names for TLS; `destinationId`: undefined for those of listeners. */
export interface CheckedTls extends TlsFinding {
  readonly destinationId: string | undefined;
}

export async function checkTls(config: Config, { readFile, now }: Pick<Surroundings, 'readFile' | 'now'>): Promise<readonly CheckedTls[]> {
  const all = [
    ...config.listeners.map((listener, index) => ({ names: listenerFiles(listener, index), destinationId: undefined })),
    ...Object.values(config.destinations).map((destination) => ({ names: destinationFiles(destination), destinationId: destination.id })),
  ];
  const found = await Promise.all(
    all.map(async ({ names, destinationId }) => {
      const findings = names === undefined ? [] : (await readTlsFiles(names, readFile, now())).findings;
      return findings.map((finding): CheckedTls => ({ ...finding, destinationId }));
    }),
  );
  return found.flat();
}
