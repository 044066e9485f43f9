import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainTransport } from '@radiotracer/upper-layer';
import { until } from './testing/manual-clock.ts';
import { Scene } from './testing/scene.ts';

const storescp = [
  '/usr/bin/storescp',
  '/usr/local/bin/storescp',
  ...(process.env['PATH'] ?? '').split(':').map((dir) => join(dir, 'storescp')),
].find((path) => existsSync(path));
const name = 'DCMTK storescp gets everything byte for byte, over its own death in the middle';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function start(folder: string, port: number): Promise<ChildProcess> {
  const scp = spawn(storescp ?? '', ['+B', '-dhl', '-od', folder, String(port)], {
    stdio: 'ignore',
    env: { ...process.env, TCP_NODELAY: '1' },
  });
  await until('storescp to listen', async () => {
    const socket = connect({ port, host: '127.0.0.1' });
    const [event] = await Promise.race([once(socket, 'connect').then(() => ['up']), once(socket, 'error').then(() => ['down'])]).catch(
      () => ['down'],
    );
    socket.destroy();
    return event === 'up';
  });
  return scp;
}

async function end(scp: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = once(scp, 'exit');
  scp.kill(signal);
  await exited;
}

(storescp === undefined ? test.skip : test)(
  storescp === undefined ? `${name} [skipped: storescp not installed]` : name,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'radiotracer-storescp-'));
    const port = await freePort();
    let scp = await start(folder, port);
    try {
      await using scene = await Scene.open({
        destination: { port },
        forwarder: { connect: () => plainTransport(connect({ port, host: '127.0.0.1', noDelay: true })) },
      });
      // Command sets of its own have no (0008,0016) to look at: bytes are only written, never read (+B).
      for (let number = 0; number < 60; number++)
        await scene.add({ dataSet: randomBytes(200_000 + 2 * number), studyInstanceUid: `1.9.${number % 3}` });
      scene.forwarder.start();
      await until('some to arrive', () => scene.stats().delivered >= 10);
      await end(scp, 'SIGKILL');
      await until('it to be missed', () => scene.circuit.isOpen);
      scp = await start(folder, port);
      await until('all to arrive', () => scene.settled(), 30_000);
      expect(scene.stats()).toMatchObject({ delivered: 60, dead: 0 });
      const files = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file))));
      for (const [uid, bytes] of scene.bytes) {
        const found = files.filter((file) => file.subarray(-bytes.length).equals(bytes));
        expect([uid, found.length]).toEqual([uid, 1]);
      }
    } finally {
      await end(scp, 'SIGTERM');
      await rm(folder, { recursive: true });
    }
  },
  60_000,
);
