import type { Config } from '@radiotracer/config';
import { describeError } from './describe-error.ts';

/** Why the proxy does not start, in one line: the same of `start` when it has failed and of `check` when it would. */
export function startFailureText(error: unknown, config: Config): string {
  return `${describeError(error)}${placeText(error, config)}`;
}

/** Where it can be changed: `admin.port` need not be in the file at all. */
function placeText(error: unknown, { listeners, admin }: Config): string {
  const { code, syscall, port, address, hostname = address } = error as Readonly<Record<string, unknown>>;
  if (syscall !== 'listen' && syscall !== 'getaddrinfo') return '';
  const isMeant = (place: { readonly host: string; readonly port: number }) =>
    place.host === hostname && (port === undefined || place.port === port);
  const key = syscall === 'getaddrinfo' || code === 'EADDRNOTAVAIL' || code === 'EINVAL' ? 'host' : 'port';
  if (isMeant(admin)) return `; it is admin.${key}`;
  const index = listeners.findIndex(isMeant);
  return index === -1 ? '' : `; it is listeners[${index}].${key}`;
}
