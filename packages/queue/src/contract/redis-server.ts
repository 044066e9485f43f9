import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

/** A real server on a port of its own, with its files in a folder of its own, ended by its process id. */
export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#args = args;
  }

  static async start(...args: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), mkdtempSync(join(tmpdir(), 'radiotracer-redis-')), args);
    await server.up();
    return server;
  }

  /** A Sentinel that watches one master, alone. */
  static async startSentinel(name: string, masterPort: number): Promise<RedisServer> {
    const folder = mkdtempSync(join(tmpdir(), 'radiotracer-redis-'));
    const file = join(folder, 'sentinel.conf');
    writeFileSync(file, `sentinel monitor ${name} 127.0.0.1 ${masterPort} 1\nsentinel down-after-milliseconds ${name} 2000\n`);
    const server = new RedisServer(await freePort(), folder, [file, '--sentinel']);
    await server.up();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it (again): empty, unless its arguments say otherwise. */
  async up(): Promise<void> {
    const where = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder];
    // A file of configuration stands first.
    const args =
      this.#args[0]?.startsWith('--') === false ? [...this.#args, ...where] : [...where, '--save', '', '--appendonly', 'no', ...this.#args];
    const child = spawn(PROGRAM, args, { stdio: 'ignore' });
    alive.add(child);
    child.once('exit', () => alive.delete(child));
    this.#child = child;
    await until('the Redis server to answer', async () => (await this.ask('PING')) === 'PONG');
  }

  /** Ends it, and waits until it has. */
  async down(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** A command over a connection of its own. */
  async ask(name: string, ...values: string[]): Promise<unknown> {
    const client = new Redis(this.port, '127.0.0.1', { lazyConnect: true, retryStrategy: null, disconnectTimeout: 100 });
    client.on('error', () => {});
    try {
      await client.connect();
      return await client.call(name, ...values);
    } finally {
      client.disconnect();
    }
  }

  async end(): Promise<void> {
    await this.down();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Polls until it holds; what it throws counts as not yet. */
export async function until(what: string, holds: () => Promise<boolean>, withinMs = 20_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      if (await holds()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited ${withinMs} ms for ${what}`, { cause: last });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
