/** The one place where the stages meet: what each needs is made here and handed in. */
import { readFileSync } from 'node:fs';
import { type Config, matchRoute } from '@radiotracer/config';
import { Relay, type RouteDecision } from '@radiotracer/relay';
import { connectTransport, ReadBufferPool, systemClock } from '@radiotracer/upper-layer';
import type pino from 'pino';
import { adminApp, type Readiness } from './admin/admin-app.ts';
import { type AdminServer, listenAdmin } from './admin/admin-server.ts';
import { createLogger, type RunningTelemetry, startTelemetry, type TelemetryPorts } from './telemetry/index.ts';

/** What a caller hands in where it wants something else than the real thing. */
export interface ProxyPorts extends Pick<TelemetryPorts, 'localExporter'> {
  readonly logger: pino.Logger;
}

export interface RunningProxy {
  readonly listeners: readonly { readonly host: string; readonly port: number }[];
  readonly adminPort: number;
  /** Tells and exports what happened so far; closes every open study. */
  flushTelemetry(): Promise<void>;
  telemetryStats: RunningTelemetry['stats'];
  /** Accepts no more, waits for the associations to end, for `limitMs` at most (0: not at all), and closes. */
  drain(limitMs: number): Promise<void>;
  /** Aborts the associations and closes. */
  abort(): Promise<void>;
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { readonly version: string };

/** Starts everything that the configuration names; rejects with the system's error when a port cannot be had. */
export async function startProxy(config: Config, ports: Partial<ProxyPorts> = {}): Promise<RunningProxy> {
  const logger = ports.logger ?? createLogger({ level: config.log.level });
  let readiness: Readiness = 'starting';
  const admin = await listenAdmin(
    adminApp({ version, readiness: () => readiness, token: config.admin.token }),
    config.admin.host,
    config.admin.port,
  );
  const telemetry = await orClose(admin, startTelemetry(config, { ...ports, logger, version }));
  const readBuffers = new ReadBufferPool();
  const relay = new Relay({
    listeners: config.listeners,
    readBuffers,
    clock: systemClock,
    publish: telemetry.publish,
    findRoute: (query) => findRoute(config, query),
    connect: ({ host, port }) => connectTransport(host, port, readBuffers),
    limits: config.limits,
    timeouts: config.timeouts,
  });
  const listeners = await orClose(admin, relay.listen());
  readiness = 'ready';
  logger.info({ version, listeners, 'admin.port': admin.port }, 'listening');
  const close = async (stop: () => Promise<void>) => {
    readiness = 'draining';
    await stop();
    await telemetry.shutdown();
    await admin.close();
    logger.info('stopped');
  };
  return {
    listeners,
    adminPort: admin.port,
    flushTelemetry: telemetry.flush,
    telemetryStats: telemetry.stats,
    drain: (limitMs) => close(() => relay.drain(limitMs)),
    abort: () => close(() => relay.abort()),
  };
}

async function orClose<T>(admin: AdminServer, starting: Promise<T>): Promise<T> {
  try {
    return await starting;
  } catch (error) {
    await admin.close();
    throw error;
  }
}

function findRoute(config: Config, query: Parameters<typeof matchRoute>[1]): RouteDecision | undefined {
  const route = matchRoute(config.routes, query);
  const destination = route === undefined ? undefined : config.destinations[route.to];
  if (route === undefined || destination === undefined) return undefined;
  return { route, destination };
}
