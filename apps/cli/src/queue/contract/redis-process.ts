import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = 'redis-server';

/** Said in the names of the tests that are skipped; undefined where there is a `redis-server`. */
export const redisMissing: string | undefined =
  spawnSync(program, ['--version']).status === 0 ? undefined : 'redis-server is not installed';

/** A real server on a port of its own, with its files in a folder of its own, ended by its process id. */
export class RedisProcess {
  readonly port: number;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #kill = () => void this.#child.kill('SIGKILL');

  private constructor(port: number) {
    this.port = port;
    this.#folder = mkdtempSync(join(tmpdir(), 'radiotracer-redis-'));
    const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', this.#folder];
    this.#child = spawn(program, [...where, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
    process.once('exit', this.#kill);
  }

  static async start(): Promise<RedisProcess> {
    const redis = new RedisProcess(await freePort());
    const deadline = performance.now() + 20_000;
    while (!(await answers(redis.port))) {
      if (performance.now() > deadline) throw new Error('redis-server does not answer');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return redis;
  }

  async end(): Promise<void> {
    process.off('exit', this.#kill);
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#kill();
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const answer = (ok: boolean) => {
      socket.destroy();
      resolve(ok);
    };
    socket.once('data', (data) => answer(data.toString().startsWith('+PONG')));
    socket.once('error', () => answer(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
