import { redisServerOf } from './redis-url.ts';

test('one server is left to ioredis as it is written', () => {
  const url = 'rediss://user:secret@redis.example:6380/2';
  expect(redisServerOf(url)).toEqual({ kind: 'single', url });
});

test('Sentinels: their addresses, the master’s name, the database, credentials, TLS for both', () => {
  expect(redisServerOf('redis-sentinel://s1,s2:26380,[::1]:26381/3#mymaster')).toEqual({
    kind: 'sentinel',
    options: {
      sentinels: [
        { host: 's1', port: 26_379 },
        { host: 's2', port: 26_380 },
        { host: '::1', port: 26_381 },
      ],
      name: 'mymaster',
      db: 3,
    },
  });
  expect(redisServerOf('rediss-sentinel://app:p%40ss:word@s1#m')).toMatchObject({
    options: { username: 'app', password: 'p@ss:word', tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true },
  });
});

test('a cluster: its nodes', () => {
  expect(redisServerOf('redis-cluster://:secret@n1:7000,n2')).toEqual({
    kind: 'cluster',
    nodes: [
      { host: 'n1', port: 7000 },
      { host: 'n2', port: 6379 },
    ],
    options: { redisOptions: { password: 'secret' } },
  });
});

test.each(['http://localhost', 'redis-sentinel://s1:26379/0', 'redis-cluster://:6379', 'localhost'])('%s is none of them', (url) => {
  expect(() => redisServerOf(url)).toThrow(RangeError);
});
