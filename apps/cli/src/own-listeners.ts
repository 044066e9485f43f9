import { hostname, networkInterfaces } from 'node:os';
import type { Config } from '@radiotracer/config';
import { CommandFailure, ExitCode } from './exit-code.ts';

/**
 * A destination that is a listener of this very proxy would get its own associations as a modality's, and relay them to itself until the limit of
 * associations is reached. To be asked on the machine of the proxy alone: elsewhere its address is somebody else's.
 * @throws CommandFailure (usage)
 */
export function refuseOwnListeners({ listeners, destinations }: Config, own: readonly string[] = ownNames()): void {
  const lines = Object.values(destinations).flatMap(({ id, host, port }) => {
    const index = listeners.findIndex((listener) => listener.port === port && isReached(listener.host, host, own));
    if (index === -1) return [];
    return [
      `destinations.${id}: found ${host}:${port}, which is listeners[${index}] of this proxy: what goes there comes back without end; allowed: the address of the PACS`,
    ];
  });
  if (lines.length > 0) throw new CommandFailure(ExitCode.usage, lines.join('\n'));
}

function isReached(listensOn: string, host: string, own: readonly string[]): boolean {
  const names = namesOf(host);
  if (isAny(listensOn)) return names.some((name) => name.startsWith('127.') || own.includes(name));
  return namesOf(listensOn).some((name) => names.includes(name));
}

function isAny(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** Who connects to no address in particular connects to this machine. */
function namesOf(host: string): readonly string[] {
  const name = host.toLowerCase().replace(/^::ffff:(?=\d+\.)|\.$/g, '');
  return name === 'localhost' || isAny(name) ? ['localhost', '127.0.0.1', '::1'] : [name];
}

function ownNames(): readonly string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
  return ['localhost', hostname().toLowerCase(), ...addresses];
}
