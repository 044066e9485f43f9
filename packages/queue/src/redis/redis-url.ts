import type { RedisServer } from './redis-options.ts';

const shape = /^(rediss?)(-sentinel|-cluster)?:\/\/(?:([^@/#]*)@)?([^/?#]+)(?:\/(\d*))?(?:#(.+))?$/;
const defaultPorts = { '-sentinel': 26_379, '-cluster': 6379 } as const;

/**
 * One text for each way to reach Redis; `rediss` is TLS, to the Sentinels too.
 *
 *     redis://[user:password@]host[:port][/database]
 *     redis-sentinel://[user:password@]host[:port],host[:port]…[/database]#name-of-the-master
 *     redis-cluster://[user:password@]host[:port],host[:port]…
 *
 * User and password are those of the servers; Sentinels are asked without.
 * @throws RangeError it is none of these
 */
export function redisServerOf(url: string): RedisServer {
  const [, scheme, kind, credentials, hosts = '', database = '', name] = shape.exec(url) ?? [];
  if (scheme === undefined) throw new RangeError('not a URL of a Redis server, of Sentinels or of a cluster');
  if (kind === undefined) return { kind: 'single', url };
  const nodes = hosts.split(',').map((host) => address(host, defaultPorts[kind as keyof typeof defaultPorts]));
  const tls = scheme === 'rediss' ? {} : undefined;
  const [user, ...password] = (credentials ?? '').split(':').map(decodeURIComponent);
  const common = {
    ...(user === undefined || user === '' ? {} : { username: user }),
    ...(password.length === 0 ? {} : { password: password.join(':') }),
    ...(tls === undefined ? {} : { tls }),
  };
  if (kind === '-cluster') return { kind: 'cluster', nodes, options: { redisOptions: common } };
  if (name === undefined) throw new RangeError('Sentinels are asked for a master by its name: add #name');
  return {
    kind: 'sentinel',
    options: {
      ...common,
      sentinels: nodes,
      name,
      ...(database === '' ? {} : { db: Number(database) }),
      ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    },
  };
}

/** `host`, `host:port`, `[address]:port`. */
function address(text: string, defaultPort: number): { readonly host: string; readonly port: number } {
  const [, six, host = six ?? '', port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === '') throw new RangeError('not a host, or a host and its port');
  return { host, port: port === undefined ? defaultPort : Number(port) };
}
