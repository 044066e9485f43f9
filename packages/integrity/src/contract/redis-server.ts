import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

const PROGRAM = 'redis-server';

/** Said in the names of the tests that are skipped; undefined where there is a `redis-server`. */
export const redisMissing: string | undefined =
  spawnSync(PROGRAM, ['--version']).status === 0 ? undefined : 'redis-server is not installed';

const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

export interface TestRedis {
  /** A connection of its own, ready. */
  connect(): Promise<Redis>;
  end(): Promise<void>;
}

/** A real server on a port of its own, ended by its process id. */
export async function startRedis(): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'radiotracer-ledger-'));
  const port = await freePort();
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  const child = spawn(PROGRAM, place, { stdio: 'ignore' });
  alive.add(child);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  return {
    connect: async () => {
      const client = new Redis(port, '127.0.0.1', { retryStrategy: (times) => (times < 400 ? 25 : null), disconnectTimeout: 100 });
      client.on('error', () => {});
      await client.ping();
      return client;
    },
    end: async () => {
      child.kill('SIGKILL');
      await exited;
      alive.delete(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
