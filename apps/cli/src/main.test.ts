import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'radiotracer-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The real process, as `./dev cli` runs it, without the NODE_OPTIONS of the test runner. */
async function radiotracer(listenPort: number, adminPort: number, env: Readonly<Record<string, string>> = {}) {
  const file = join(folder, `${listenPort}-${adminPort}.yaml`);
  const text = `{ listeners: [{ host: 127.0.0.1, port: ${listenPort} }], destinations: { pacs: { host: 127.0.0.1, port: 9 } }, routes: [{ to: pacs }], admin: { port: ${adminPort} } }`;
  await writeFile(file, text);
  const child = spawn(process.execPath, ['--conditions=@radiotracer/source', MAIN, 'start', '--json', '--config', file], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const lines: Record<string, unknown>[] = [];
  const ready = Promise.withResolvers<{ listeners: { port: number }[]; adminPort: number }>();
  createInterface(child.stdout).on('line', (line) => {
    const told = JSON.parse(line) as { event?: string; listeners: { port: number }[]; adminPort: number };
    lines.push(told as unknown as Record<string, unknown>);
    if (told.event === 'ready') ready.resolve(told);
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, errors }));
  return { child, ready: ready.promise, ended, lines };
}

test.each(['SIGTERM', 'SIGHUP'] as const)(
  'the real process becomes ready, drains at %s and ends with 0',
  async (signal) => {
    const { child, ready, ended } = await radiotracer(0, 0);
    const { adminPort, listeners } = await ready;
    expect(listeners[0]?.port).toBeGreaterThan(0);
    const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
    expect([response.status, await response.json()]).toEqual([200, { status: 'ready' }]);
    child.kill(signal);
    expect(await ended).toEqual({ code: 0, errors: '' });
  },
  60_000,
);

test('a port in use, for modalities or for the admin, is one line and code 1', async () => {
  const other = createServer().listen({ host: '127.0.0.1', port: 0 });
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const line = (key: string) => ({ code: 1, errors: `cannot start: 127.0.0.1:${port}: the port is in use (EADDRINUSE); it is ${key}\n` });
  expect(await (await radiotracer(port, 0)).ended).toEqual(line('listeners[0].port'));
  expect(await (await radiotracer(0, port)).ended).toEqual(line('admin.port'));
  other.close();
}, 60_000);

test('variables of OpenTelemetry that cannot be followed are told, and the process lives on', async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4317', OTEL_RESOURCE_ATTRIBUTES: 'nothing' };
  const { child, ready, ended, lines } = await radiotracer(0, 0, env);
  await ready;
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
  const told = lines.filter((line) => line['message'] === 'a variable of OpenTelemetry is not followed; images are not affected');
  expect(told.map((line) => line['error.message'])).toEqual([
    expect.stringContaining('attribute 1 of OTEL_RESOURCE_ATTRIBUTES'),
    'OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL, found "localhost:4317"; it is not followed',
  ]);
}, 60_000);

test('of an error that nobody caught name, code and place are told, not what it quotes', async () => {
  const thrown = 'Object.assign(new RangeError("POISON^ANNA"),{code:"ERR_ODD",command:{args:["POISON^UID"]},cause:"POISON^CAUSE"})';
  const module = join(folder, 'throwing.mjs');
  await writeFile(module, `process.on('SIGUSR2', () => { throw ${thrown}; });`);
  const env = { NODE_OPTIONS: `--import ${module}` };
  const { child, ready, ended } = await radiotracer(0, 0, env);
  await ready;
  child.kill('SIGUSR2');
  const { code, errors } = await ended;
  expect(errors).not.toContain('POISON');
  expect(errors).toMatch(/^the process ends of an error that nobody caught: RangeError \(ERR_ODD\)\n {4}at /);
  expect(code).toBe(1);
}, 60_000);
