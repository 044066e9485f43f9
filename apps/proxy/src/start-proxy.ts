/** The one place where the stages meet: what each needs is made here and handed in. */
import { readFileSync } from 'node:fs';
import { type Config, type Destination, matchRoute } from '@radiotracer/config';
import { Relay, type RouteDecision } from '@radiotracer/relay';
import type { Publish } from '@radiotracer/telemetry';
import { connectTransport, ReadBufferPool, systemClock } from '@radiotracer/upper-layer';
import { adminApp, type Readiness } from './admin/admin-app.ts';
import { listenAdmin } from './admin/admin-server.ts';

/** What a process hands in where it wants something else than the real thing. */
export interface ProxyPorts {
  readonly publish: Publish;
}

export interface RunningProxy {
  readonly listeners: readonly { readonly host: string; readonly port: number }[];
  readonly adminPort: number | undefined;
  /** Accepts no more, waits for the associations to end, for `limitMs` at most (0: not at all), and closes. */
  drain(limitMs: number): Promise<void>;
  /** Aborts the associations and closes. */
  abort(): Promise<void>;
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { readonly version: string };

/** Starts everything that the configuration names; rejects with the system's error when a port cannot be had. */
export async function startProxy(config: Config, ports: Partial<ProxyPorts> = {}): Promise<RunningProxy> {
  let readiness: Readiness = 'starting';
  const admin = await listenAdmin(
    adminApp({ version, readiness: () => readiness, token: config.admin.token }),
    config.admin.host,
    config.admin.port,
  );
  const readBuffers = new ReadBufferPool();
  const relay = new Relay({
    listeners: config.listeners,
    clock: systemClock,
    publish: ports.publish ?? (() => {}),
    findRoute: (query) => decide(config, query),
    readBuffers,
    connect: ({ host, port }) => connectTransport(host, port, readBuffers),
    limits: config.limits,
    timeouts: config.timeouts,
  });
  const listeners = await relay.listen().catch(async (error: unknown) => {
    await admin.close();
    throw error;
  });
  readiness = 'ready';
  const close = async (stop: () => Promise<void>) => {
    readiness = 'draining';
    await stop();
    await admin.close();
  };
  return {
    listeners,
    adminPort: admin.port,
    drain: (limitMs) => close(() => relay.drain(limitMs)),
    abort: () => close(() => relay.abort()),
  };
}

function decide(config: Config, query: Parameters<typeof matchRoute>[1]): RouteDecision | undefined {
  const route = matchRoute(config.routes, query);
  const destination: Destination | undefined = route === undefined ? undefined : config.destinations[route.to];
  return route === undefined || destination === undefined ? undefined : { route, destination };
}
