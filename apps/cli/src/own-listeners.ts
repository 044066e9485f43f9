import { lookup } from 'node:dns/promises';
import { isIPv6, SocketAddress } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import type { Config } from '@radiotracer/config';
import { CommandFailure, ExitCode } from './exit-code.ts';

/** Longer than a name server that is there takes; one that is away keeps nothing from starting. */
const lookupMs = 2000;

/**
 * A destination that is a listener of this very proxy would get its own associations as a modality's. To be asked on the machine of the proxy
 * alone: elsewhere its address is somebody else's. Names are looked up where the port is a listener's; one that leads here only later is for the relay.
 * @throws CommandFailure (usage)
 */
export async function refuseOwnListeners(
  { listeners, destinations }: Config,
  own: readonly string[] = ownNames(),
  addressesOf: (host: string) => Promise<readonly string[]> = lookedUp,
): Promise<void> {
  const lines = Object.values(destinations).map(async ({ id, host, port }) => {
    if (!listeners.some((listener) => listener.port === port)) return [];
    const names = [...namesOf(host), ...(await addressesOf(host)).flatMap(namesOf)];
    const index = listeners.findIndex((listener) => listener.port === port && isReached(listener.host, names, own));
    if (index === -1) return [];
    return [
      `destinations.${id}: found ${host}:${port}, which is listeners[${index}] of this proxy: what goes there comes back without end; allowed: the address of the PACS`,
    ];
  });
  const found = (await Promise.all(lines)).flat();
  if (found.length > 0) throw new CommandFailure(ExitCode.usage, found.join('\n'));
}

function isReached(listensOn: string, names: readonly string[], own: readonly string[]): boolean {
  if (isAny(listensOn)) return names.some((name) => name.startsWith('127.') || own.includes(name));
  return namesOf(listensOn).some((name) => names.includes(name));
}

function isAny(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** Who connects to no address in particular connects to this machine. */
function namesOf(host: string): readonly string[] {
  const written = isIPv6(host) ? new SocketAddress({ address: host, family: 'ipv6' }).address : host.toLowerCase();
  const name = written.replace(/^::ffff:(?=\d+\.)|\.$/g, '');
  return name === 'localhost' || isAny(name) ? ['localhost', '127.0.0.1', '::1'] : [name];
}

async function lookedUp(host: string): Promise<readonly string[]> {
  const late = Promise.withResolvers<readonly string[]>();
  const timer = setTimeout(() => late.resolve([]), lookupMs);
  const found = lookup(host, { all: true }).then(
    (addresses) => addresses.map(({ address }) => address),
    () => [],
  );
  return await Promise.race([found, late.promise]).finally(() => clearTimeout(timer));
}

function ownNames(): readonly string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
  return ['localhost', hostname().toLowerCase(), ...addresses];
}
