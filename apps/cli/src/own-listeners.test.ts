import { parseConfig } from '@radiotracer/config';
import { refuseOwnListeners } from './own-listeners.ts';

const own = ['localhost', 'rt-1', '127.0.0.1', '::1', '10.1.2.5'];

/** As a name server has it. */
const addresses: Readonly<Record<string, readonly string[]>> = { 'proxy.example': ['10.1.9.9', '10.1.2.5'], 'pacs.example': ['10.1.2.3'] };

async function refused(listener: string, host: string, port = 104): Promise<boolean> {
  const config = parseConfig(
    `{ listeners: [{ port: 11112 }, ${listener}], destinations: { pacs: { host: "${host}", port: ${port} } }, routes: [{ to: pacs }] }`,
  );
  try {
    await refuseOwnListeners(config, own, async (name) => addresses[name] ?? []);
    return false;
  } catch (error) {
    expect(error).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(`destinations.pacs: found ${host}:${port}, which is listeners[1]`),
    });
    return true;
  }
}

test('a destination that is a listener of the proxy itself is refused, by whatever name', async () => {
  for (const host of [
    'localhost',
    'LOCALHOST',
    '127.0.0.1',
    '127.0.0.9',
    'RT-1',
    'rt-1.',
    '10.1.2.5',
    '::ffff:10.1.2.5',
    '0.0.0.0',
    '::',
    '0:0:0:0:0:0:0:1',
    'proxy.example',
  ])
    expect([host, await refused('{ port: 104 }', host)]).toEqual([host, true]);
  expect(await refused('{ port: 104, host: 127.0.0.1 }', 'localhost')).toBe(true);
  expect(await refused('{ port: 104, host: 10.1.2.5 }', '10.1.2.5')).toBe(true);
  expect(await refused('{ port: 104, host: "::1" }', '0.0.0.0')).toBe(true);
  expect(await refused('{ port: 104, host: 10.1.2.5 }', '0.0.0.0')).toBe(false);
  expect(await refused('{ port: 104 }', '10.1.2.3')).toBe(false);
  expect(await refused('{ port: 104 }', 'pacs.example')).toBe(false);
  expect(await refused('{ port: 104, host: 10.1.2.6 }', 'proxy.example')).toBe(false);
  expect(await refused('{ port: 104, host: 10.1.2.5 }', '127.0.0.1')).toBe(false);
  expect(await refused('{ port: 104 }', '127.0.0.1', 105)).toBe(false);
});
