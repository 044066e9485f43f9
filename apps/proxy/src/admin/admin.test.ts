import { connect, type Socket } from 'node:net';
import { type AdminAppOptions, adminApp, type Readiness } from './admin-app.ts';
import { listenAdmin } from './admin-server.ts';

const TOKEN = 'a-token-of-the-site';

function app(options: Partial<AdminAppOptions> = {}) {
  return adminApp({ version: '0.0.0', readiness: () => 'ready', token: undefined, ...options });
}

test('readyz follows the life of the proxy, healthz does not', async () => {
  let readiness: Readiness = 'starting';
  const admin = app({ readiness: () => readiness });
  const seen: unknown[] = [];
  for (readiness of ['starting', 'ready', 'draining'] as const) {
    const ready = await admin.request('/readyz');
    seen.push([ready.status, await ready.json(), (await admin.request('/healthz')).status]);
  }
  expect(seen).toEqual([
    [503, { status: 'starting' }, 200],
    [200, { status: 'ready' }, 200],
    [503, { status: 'draining' }, 200],
  ]);
});

test('with a token everything but the two probes asks for it', async () => {
  const admin = app({ token: TOKEN });
  admin.get('/secret', (context) => context.text('patient'));
  const status = async (path: string, authorization?: string): Promise<number> =>
    (await admin.request(path, authorization === undefined ? {} : { headers: { authorization } })).status;
  expect(await status('/healthz')).toBe(200);
  expect(await status('/readyz')).toBe(200);
  for (const given of [undefined, '', 'Bearer', `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`, TOKEN]) {
    expect(await status('/secret', given)).toBe(401);
    expect(await status('/nowhere', given)).toBe(401);
  }
  expect(await status('/secret', `Bearer ${TOKEN}`)).toBe(200);
  expect(await status('/nowhere', `Bearer ${TOKEN}`)).toBe(404);
});

test('an error in a handler says nothing of itself', async () => {
  const admin = app();
  admin.get('/broken', () => {
    throw new Error('DOE^JOHN');
  });
  const response = await admin.request('/broken');
  expect([response.status, await response.text()]).toEqual([500, '{"error":"internal"}']);
});

test('a server tells its real port, refuses one in use by its code, and closes with a request open', async () => {
  const admin = app();
  admin.get('/hang', () => new Promise<Response>(() => undefined));
  const server = await listenAdmin(admin, '127.0.0.1', 0);
  await expect(listenAdmin(admin, '127.0.0.1', server.port)).rejects.toMatchObject({ code: 'EADDRINUSE', port: server.port });
  expect((await fetch(`http://127.0.0.1:${server.port}/healthz`)).status).toBe(200);
  const hanging = fetch(`http://127.0.0.1:${server.port}/hang`);
  const failed = expect(hanging).rejects.toThrow();
  await (await fetch(`http://127.0.0.1:${server.port}/readyz`)).text();
  await server.close();
  await failed;
  await expect(fetch(`http://127.0.0.1:${server.port}/healthz`)).rejects.toThrow();
});

test('connections past its limit are closed, so that associations have file descriptors left', async () => {
  const server = await listenAdmin(app(), '127.0.0.1', 0);
  const sockets = Array.from({ length: 300 }, () => connect(server.port, '127.0.0.1').on('error', () => {}));
  const isOpen = ({ destroyed }: Socket) => !destroyed;
  await new Promise<void>((resolve) => {
    for (const socket of sockets) socket.on('close', () => sockets.filter(isOpen).length <= 256 && resolve());
  });
  expect(sockets.filter(isOpen).length).toBe(256);
  await server.close();
});
