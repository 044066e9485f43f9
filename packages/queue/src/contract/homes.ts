import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMemoryQueue } from '../memory/memory-queue.ts';
import type { Queue } from '../queue.ts';
import { openRedisQueue } from '../redis/redis-queue.ts';
import { openSqliteQueue } from '../sqlite/sqlite-queue.ts';
import type { ClaimerOptions } from './claimer.ts';
import { LIMITS } from './commands.ts';
import { RedisServer, redisMissing, until } from './redis-server.ts';

/** A home under test: makes empty schedules, and opens the same one more than once if it can be shared. */
export interface TestHome {
  /** Opens another view of the schedule of this number. */
  open(schedule: number): Queue;
  /** What another process opens the schedule of this number with; undefined: it cannot. */
  elsewhere?(schedule: number): ClaimerOptions['home'];
  end(): Promise<void>;
}

export interface HomeKind {
  readonly name: string;
  /** Why it cannot be tested here. */
  readonly missing?: string | undefined;
  /** Other processes cannot see it. */
  readonly oneProcess?: true;
  /** Of 100, how many random runs it is worth: each costs a process' round trips. */
  readonly share: number;
  start(): Promise<TestHome>;
}

export const HOMES: readonly HomeKind[] = [
  {
    name: 'memory',
    oneProcess: true,
    share: 100,
    start: async () => ({ open: () => openMemoryQueue(LIMITS), end: async () => {} }),
  },
  {
    name: 'SQLite',
    share: 40,
    start: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'radiotracer-queue-'));
      return {
        open: (schedule) => openSqliteQueue({ path: join(folder, String(schedule), 'queue.db') }, LIMITS),
        elsewhere: (schedule) => ({ path: join(folder, String(schedule), 'queue.db') }),
        end: async () => rmSync(folder, { recursive: true }),
      };
    },
  },
  {
    name: 'Redis',
    missing: redisMissing,
    share: 40,
    start: async () => {
      const server = await RedisServer.start();
      const elsewhere = (schedule: number) =>
        ({ server: { kind: 'single', url: server.url }, prefix: `q${schedule}`, leaseClock: 'caller' }) as const;
      return {
        open: (schedule) => openRedisQueue(elsewhere(schedule), LIMITS),
        elsewhere,
        end: () => server.end(),
      };
    },
  },
  {
    name: 'Redis Cluster',
    missing: redisMissing,
    share: 15,
    start: async () => {
      const { nodes, end } = await startCluster();
      const elsewhere = (schedule: number) =>
        ({ server: { kind: 'cluster', nodes }, prefix: `q${schedule}`, connectWaitMs: 5_000, leaseClock: 'caller' }) as const;
      return {
        open: (schedule) => openRedisQueue(elsewhere(schedule), LIMITS),
        elsewhere,
        end,
      };
    },
  },
];

/** Two masters with half of the slots each: destinations lie on both. */
async function startCluster() {
  const servers = await Promise.all([0, 1].map(() => RedisServer.start('--cluster-enabled', 'yes')));
  const [first, second] = servers;
  if (first === undefined || second === undefined) throw new Error('no servers');
  await first.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '8191');
  await second.ask('CLUSTER', 'ADDSLOTSRANGE', '8192', '16383');
  await first.ask('CLUSTER', 'MEET', '127.0.0.1', String(second.port));
  for (const server of servers) {
    await until('the cluster', async () => String(await server.ask('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  }
  return {
    nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
    end: async () => {
      await Promise.all(servers.map((server) => server.end()));
    },
  };
}
