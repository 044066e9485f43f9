import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LedgerHome } from '../ledger/home.ts';
import { MemoryHome } from '../memory/memory-home.ts';
import { RedisHome } from '../redis/redis-home.ts';
import { SqliteHome } from '../sqlite/sqlite-home.ts';
import { redisMissing, startRedis } from './redis-server.ts';

/** Makes empty homes, and opens the same one more than once. */
export interface TestHome {
  /** Another view of the home of this number. */
  open(home: number): Promise<LedgerHome>;
  end(): Promise<void>;
}

export interface HomeKind {
  readonly name: string;
  /** Why it cannot be tested here. */
  readonly missing?: string | undefined;
  readonly runs: number;
  start(): Promise<TestHome>;
}

export const HOMES: readonly HomeKind[] = [
  {
    name: 'memory',
    runs: 100,
    start: async () => {
      const homes = new Map<number, MemoryHome>();
      return {
        open: async (home) => {
          const shared = homes.get(home) ?? new MemoryHome();
          homes.set(home, shared);
          return new MemoryHome(shared);
        },
        end: async () => {},
      };
    },
  },
  {
    name: 'SQLite',
    runs: 60,
    start: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'radiotracer-ledger-'));
      return {
        open: async (home) => new SqliteHome({ path: join(folder, String(home), 'ledger.db') }),
        end: async () => rmSync(folder, { recursive: true }),
      };
    },
  },
  {
    name: 'Redis',
    missing: redisMissing,
    runs: 40,
    start: async () => {
      const server = await startRedis();
      return { open: async (home) => new RedisHome({ client: await server.connect(), prefix: `l${home}` }), end: () => server.end() };
    },
  },
];
