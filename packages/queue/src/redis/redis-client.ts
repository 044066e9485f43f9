import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { clusterOptions, connectionOptions, type RedisServer } from './redis-options.ts';

type NodeOptions = RedisOptions & { replyMapping?: 'legacy' };
type ClusterArguments = ConstructorParameters<typeof Cluster>;
export type RedisClient = Redis | Cluster;

/** Connects, and connects again, in the background. Its `error` events want a listener: without one they would end the process. */
export function connectRedis(server: RedisServer, timeoutMs: number): RedisClient {
  const client = clientOf(server, timeoutMs);
  // A database that it may not have, or that is not there: ioredis says so, and goes on in database 0, which is somebody else's.
  client.on('error', (error: Error & { readonly command?: { readonly name?: string } }) => {
    if (error.command?.name === 'select') client.disconnect(true);
  });
  return client;
}

function clientOf(server: RedisServer, timeoutMs: number): RedisClient {
  // ioredis' types take an option that is there and undefined for another thing than one that is absent; ioredis does not.
  const options = { ...connectionOptions(timeoutMs), ...(server.kind === 'cluster' ? {} : server.options) } as NodeOptions;
  switch (server.kind) {
    case 'single':
      return new Redis(server.url, options);
    case 'sentinel':
      return new Redis(options);
    case 'cluster': {
      const ours = clusterOptions(timeoutMs);
      const redisOptions = { ...ours.redisOptions, ...server.options?.redisOptions };
      return new Cluster([...server.nodes], { ...ours, ...server.options, redisOptions } as NonNullable<ClusterArguments[1]>);
    }
  }
}
