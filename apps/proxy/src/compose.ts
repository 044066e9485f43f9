/**
 * The one place where the stages meet: what each needs is made here and handed in.
 *
 *     relay ──take-over──> instanceStore(spool) ──committed──> scheduler ──> queue ──> forwarder ──> destination
 *       │ └─────────────── circuits, one per destination: what each knows of it, all know ───────────────┘
 *       └──events──> telemetry, and the ledger that tells it of studies: in a thread of their own
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { type Config, type Destination, matchRoute, unknownTitle } from '@radiotracer/config';
import { Forwarder, Scheduler, Unremoved } from '@radiotracer/forwarder';
import { type Envelope, isInstanceId } from '@radiotracer/instance';
import { documentOperations, maxDataSetBytes } from '@radiotracer/integrity';
import { Capabilities, type FindRoute, Relay, RetentionBudget } from '@radiotracer/relay';
import { instanceStore, SharedSpool, Spool, type SpoolError, type SpoolView } from '@radiotracer/spool';
import type { Publish, TelemetryEvent } from '@radiotracer/telemetry';
import {
  type AssociationErrorType,
  connectTransport,
  DestinationCircuit,
  isAnswer,
  OwnConnections,
  ReadBufferPool,
  systemClock,
} from '@radiotracer/upper-layer';
import type pino from 'pino';
import { adminApp, type Readiness } from './admin/admin-app.ts';
import { listenAdmin } from './admin/admin-server.ts';
import { Closers } from './closers.ts';
import { causeOf, failureTo } from './failure-line.ts';
import { ownReports } from './integrity/own-commitments.ts';
import { startIntegrity } from './integrity/start-integrity.ts';
import { FleetScheduler } from './kept/fleet-scheduler.ts';
import { giveWayTo } from './kept/give-way.ts';
import { KeptCapabilities } from './kept/kept-capabilities.ts';
import { keptText } from './kept/kept-text.ts';
import { forgetLostOwners } from './kept/lost-owners.ts';
import { openQueue } from './kept/open-queue.ts';
import { loadOwnerId } from './kept/owner-id.ts';
import { OwnerWatch } from './kept/owner-watch.ts';
import { spoolFolder } from './kept/spool-folder.ts';
import { strandedOf } from './kept/stranded.ts';
import { volumeObstacles } from './kept/volume-obstacles.ts';
import { Watch } from './kept/watch.ts';
import {
  createLogger,
  linesOf,
  loadSiteKey,
  otelFindings,
  type RunningTelemetry,
  type TelemetryPorts,
  TelemetryThread,
  type TelemetryThreadOptions,
} from './telemetry/index.ts';
import { TlsFiles } from './tls/index.ts';

/** What a caller hands in where it wants something else than the real thing. */
export interface ProxyPorts extends Pick<TelemetryPorts, 'localExporter'> {
  readonly logger: pino.Logger;
}

export interface RunningProxy {
  readonly listeners: readonly { readonly host: string; readonly port: number }[];
  readonly adminPort: number;
  /** Tells and exports what happened so far. Of studies the ledger tells what is due; without one, each that is open is closed. */
  flushTelemetry(): Promise<void>;
  telemetryStats: RunningTelemetry['stats'];
  /** Accepts no more, waits for the associations to end, for `limitMs` at most (0: not at all), and closes. */
  drain(limitMs: number): Promise<void>;
  /** Aborts the associations and closes. */
  abort(): Promise<void>;
}

/** Modalities do not wait longer for a ledger that is away. */
const longestLedgerWaitMs = 1000;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { readonly version: string };

/**
 * Starts everything that the configuration names; what the last run left in the spool is in order, by its names, before the first listener opens.
 * Rejects with the system's error when a port cannot be had, with SpoolError when the spool cannot; nothing is left open then.
 */
export async function startProxy(config: Config, ports: Partial<ProxyPorts> = {}): Promise<RunningProxy> {
  const closers = new Closers();
  try {
    return await compose(config, ports, closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function compose(config: Config, ports: Partial<ProxyPorts>, closers: Closers): Promise<RunningProxy> {
  const logger = ports.logger ?? createLogger({ level: config.log.level });
  for (const message of otelFindings(config.telemetry.otlp))
    logger.warn({ 'error.message': message }, 'a variable of OpenTelemetry is not followed; images are not affected');
  const tls = new TlsFiles(config, {
    readText: (file) => readFile(file, 'utf8'),
    now: Date.now,
    told: {
      noticed: ({ kind, message }) =>
        kind === 'not-yet-valid'
          ? logger.error({ 'error.message': message }, 'a certificate is not valid yet')
          : logger[kind === 'expired' ? 'error' : 'warn']({ 'error.message': message }, 'a certificate expires'),
      renewed: (key, expiresAt) =>
        logger.info({ key, expires: expiresAt && new Date(expiresAt).toISOString() }, 'files of TLS have changed and are used'),
      refused: (findings) => {
        for (const { message } of findings)
          logger.error({ 'error.message': message }, 'files of TLS have changed and cannot be used; what was there before is used on');
      },
    },
  });
  await tls.open();
  closers.add(async () => tls.stop());
  let readiness: Readiness = 'starting';
  let metricsText: RunningTelemetry['metricsText'] | undefined;
  const admin = await listenAdmin(
    adminApp({ version, readiness: () => readiness, token: config.admin.token, metrics: () => metricsText?.() }),
    config.admin.host,
    config.admin.port,
  );
  closers.add(() => admin.close());
  const folder = spoolFolder(config);
  const clock = systemClock;
  const failed = failureTo(logger);
  // The spool before what stands beside it, telemetry's key for one: it says best what is wrong with its folder.
  const early: TelemetryEvent[] = [];
  let tell: Publish = (event) => void early.push(event);
  let liveAssociations = () => 0;
  const giveWay = giveWayTo(() => liveAssociations());
  const spool = await Spool.open({
    dir: folder.dir,
    ...{ clock, giveWay },
    limits: { maxBytes: config.spool.maxBytes, minFreeBytes: config.spool.minFreeBytes },
    onFinding: ({ kind, path, movedTo }) => {
      // Neither path nor reason: a file that is not ours may be called by a patient's name.
      const name = basename(path, '.dcm');
      const instanceId = isInstanceId(name) ? name : undefined;
      tell({ type: 'spool.found', at: clock.now(), kind, instanceId, moved: movedTo !== undefined });
    },
  });
  closers.add(() => spool.close());
  // That it is full is told as it changes.
  if ((await volumeObstacles(config)).some(({ kind }) => kind === 'spool-volatile'))
    logger.warn({ path: folder.dir }, 'the spool is in memory (tmpfs): what it has acknowledged is lost when the machine starts anew');
  const siteKey = await loadSiteKey(config.telemetry.siteKey, keptText(folder.siteKey));
  const telemetry = await startTelemetry(config, { ...ports, logger, lines: linesOf(logger), version, siteKey });
  closers.add(() => telemetry.shutdown());
  tell = telemetry.publish;
  metricsText = () => telemetry.metricsText();
  early.forEach(telemetry.publish);
  const integrity = config.integrity.enabled ? startIntegrity({ config, siteKey, node: folder.node }, { logger, telemetry }) : undefined;
  // What it tells at its end is still told.
  closers.add(async () => integrity?.stop());
  const publish: Publish = (event) => {
    telemetry.publish(event);
    integrity?.publish(event);
  };
  const ownerId = await loadOwnerId(keptText(folder.ownerId));
  const queue = await openQueue(config, 'move-aside');
  closers.add(() => queue.close());
  const keptCapabilities = new KeptCapabilities(folder.capabilities, failed('keeping what destinations accept'));
  closers.add(() => keptCapabilities.settled());
  const capabilities: Capabilities = new Capabilities(await keptCapabilities.read(), () =>
    keptCapabilities.keep(() => capabilities.learned),
  );

  const destinations = Object.values(config.destinations);
  const circuits = new Map(destinations.map(({ id, circuit: { failures } }) => [id, new DestinationCircuit({ failures })]));
  const circuit = (destinationId: string): DestinationCircuit => {
    const found = circuits.get(destinationId);
    if (found === undefined) throw new RangeError(`no destination ${destinationId} is configured`);
    return found;
  };

  const leaseHolder = `${hostname()} (pid ${process.pid}, ${randomUUID().slice(0, 8)})`;
  const readBuffers = new ReadBufferPool();
  const ownConnections = new OwnConnections();
  const connect = (destination: Destination) =>
    ownConnections.add(connectTransport(destination.host, destination.port, readBuffers, tls.client(destination)));
  const spools = new SharedSpool({ dir: folder.root, node: folder.node, own: spool });
  const unremoved = new Unremoved({ spool: config.spool.shared ? spools : spool, queue, clock, random: Math.random });
  const scheduling = {
    ...{ queue, unremoved, clock, giveWay, random: Math.random },
    wake: (envelope: Envelope) => forwarder.wake(envelope),
    failed: failed('scheduling'),
    publish,
  };
  const scheduler = new Scheduler({ ...scheduling, spool, ownerId });
  const schedulerOf = (otherId: string, view: SpoolView) =>
    new Scheduler({
      ...scheduling,
      ownerId: otherId,
      spool: {
        read: (id) => view.read(id),
        isAside: (id) => view.isAside(id),
        quarantine: (id, why) => view.quarantine(id, why),
        list: (state, passedOver, known) => {
          const told = (error: SpoolError, id: string) => {
            failed('listing')(error);
            passedOver?.(error, id);
          };
          return view.list(told, state, known);
        },
      },
    });
  const fleet = config.spool.shared
    ? new FleetScheduler({
        ...{ own: scheduler, ownerId, queue, spools, schedulerOf },
        root: folder.root,
        failed: failed('looking after the shared spool'),
      })
    : undefined;
  /** What we deliver: what lies in our own spool, or, where several proxies share a volume, in any of theirs. */
  const delivering =
    fleet === undefined ? { spool, scheduler, ownerId } : { spool: spools, scheduler: fleet, ownerId: () => fleet.ownerIds };
  const relay: Relay = new Relay({
    listeners: config.listeners.map(({ host, port }, index) => ({ host, port, tls: tls.listener(index) })),
    ...{ limits: config.limits, timeouts: config.timeouts, readBuffers, clock, publish, connect },
    findRoute: (query) => findRoute(config, query),
    isSelf: (accepted) => ownConnections.has(accepted),
    reports: ownReports(config),
    dataSets:
      integrity === undefined
        ? undefined
        : { wholeOf: documentOperations, maxBytes: maxDataSetBytes, checksums: config.integrity.checksums },
    takeOver: {
      store: instanceStore(
        spool,
        {
          committed: (envelope, startedAt) => {
            scheduler.committed(envelope);
            const { destinationId, dataSetBytes } = envelope;
            publish({ type: 'spool.committed', destinationId, startedAt, at: clock.now(), dataSetBytes });
          },
          failed: ({ destinationId }, error) => publish({ type: 'spool.failed', destinationId, at: clock.now(), code: causeOf(error) }),
        },
        clock.now,
      ),
      traceparent: telemetry.traceparent,
      capabilities,
      retainBytes: config.relay.retainBytes,
      budget: new RetentionBudget(config.relay.retainTotalBytes, { associations: () => relay.activeAssociations }),
      isDown: (destinationId) => circuit(destinationId).isOpen,
      fared: (destinationId, errorType) => {
        if (errorType === undefined) circuit(destinationId).succeeded();
        // Whoever answers, whatever it answers, is there; and may want others than this modality.
        else if (errorType !== 'status_failure' && !isAnswer(errorType)) circuit(destinationId).failed(errorType as AssociationErrorType);
      },
    },
  });
  liveAssociations = () => relay.activeAssociations;
  const forwarder = new Forwarder({
    ...{ ...delivering, queue, unremoved, destinations, connect, circuit, publish, limits: config.limits, clock, random: Math.random },
    liveAssociations: (destinationId) => relay.associationsTo(destinationId),
    negotiated: (destinationId, contexts, ac) => capabilities.learn(destinationId, contexts, ac),
    failed: failed('forwarding'),
    leaseHolder,
  });

  // The spool is ours alone: whoever sent something of it before has ended. An embedded schedule is, too.
  const ownLeases = async () => {
    const now = Math.trunc(clock.now());
    // Where that fails they run out by themselves.
    if (!config.spool.shared) await queue.reclaimOwned(ownerId, now).catch(() => 0);
    if (config.queue.redis === undefined) await forgetLostOwners(queue, ownerId, now).catch(failed('forgetting lost owner ids'));
  };

  let listenerPorts: readonly number[] = [];
  const watch = new Watch({
    ...{ spool, queue, maxBytes: config.spool.maxBytes, publish, clock },
    movedAside: (path) => logger.warn({ path }, 'the schedule could not be read: it was moved aside, and is made anew from the spool'),
    failed: failed('looking after the spool'),
  });
  closers.add(() => watch.stop());
  const ownerWatch = new OwnerWatch({
    ...{ queue, ownerId, by: leaseHolder, clock },
    found: (other) => {
      const message = `each takes what waits at the other out of the schedule for minutes. Was a machine cloned? Stop one of them, delete the file owner-id in its spool, and start it again`;
      logger.error({ 'radiotracer.queue.owner': ownerId, other, 'error.message': message }, 'another proxy has the owner-id of this spool');
    },
  });
  closers.add(() => ownerWatch.stop());
  telemetry.observeDelivery({
    queueCounts: () => queue.counts(),
    queueAvailable: async () => watch.available,
    spool: async () => {
      const { bavail, bsize } = await statfs(folder.dir);
      const { maxBytes } = config.spool;
      const { totalBytes, isCounted } = spool.usage;
      return { usedBytes: isCounted ? totalBytes : undefined, maxBytes, freeBytes: bavail * bsize, accepting: spool.accepting };
    },
    circuits: async () => [...circuits].map(([destinationId, { state }]) => ({ destinationId, state })),
    certificates: async () => tls.expiries(listenerPorts),
  });
  // What comes next may belong to a generation of its study that only the ledger knows of.
  await integrity?.started(longestLedgerWaitMs);
  const listeners = await relay.listen();
  listenerPorts = listeners.map(({ port }) => port);
  // Modalities need not wait for it: what they send is safe in the spool, whatever the schedule knows.
  const rebuilt = ownLeases()
    .then(() => scheduler.rebuild())
    .catch(failed('building the schedule from the spool'));
  const forwarding = rebuilt.then(() => fleet?.look()).then(() => forwarder.start());
  // What the schedule was built from has been read by then.
  void rebuilt.then(() => spool.survey());
  const tellStranded = async () => {
    for (const { destination, instances } of strandedOf(await queue.counts({ ownerId }), config)) {
      const told = { 'radiotracer.destination.id': destination, instances };
      logger.warn(told, 'instances wait for a destination that is not in the configuration: nobody sends them');
    }
  };
  const tellEviction = async () => {
    const { evicts } = await queue.inspect();
    if (evicts === undefined) return;
    const told = { 'redis.maxmemory_policy': evicts };
    logger.warn(told, 'Redis throws away what it has when its memory is full: schedule and ledger want noeviction');
  };
  // A schedule that is away is told elsewhere.
  void rebuilt.then(() => Promise.all([tellStranded(), tellEviction()])).catch(() => {});
  readiness = 'ready';
  const { waiting, isCounted } = spool.usage;
  // Of very many the bytes are counted while they are served.
  const found = isCounted ? waiting : { instances: waiting.instances };
  logger.info({ version, listeners, 'admin.port': admin.port, spool: found }, 'listening');

  const close = async (stopRelay: () => Promise<void>, limitMs: number) => {
    readiness = 'draining';
    delivering.scheduler.stop();
    await Promise.all([stopRelay(), forwarder.stop(limitMs)]);
    await forwarding;
    await closers.close();
    logger.info('stopped');
  };
  return {
    listeners,
    adminPort: admin.port,
    flushTelemetry: async () => {
      await integrity?.flush();
      await telemetry.flush();
    },
    telemetryStats: () => telemetry.stats(),
    drain: (limitMs) => {
      logger.info({ associations: relay.activeAssociations, drainMs: limitMs }, 'stopping');
      return close(() => relay.drain(limitMs), limitMs);
    },
    abort: () => close(() => relay.abort(), 0),
  };
}

/** In a thread of its own; in this one where somebody here wants to see the spans. */
async function startTelemetry(
  config: Config,
  { localExporter, ...start }: Partial<Pick<ProxyPorts, 'localExporter'>> & Omit<TelemetryThreadOptions, 'config'>,
): Promise<RunningTelemetry> {
  if (localExporter === undefined) return new TelemetryThread({ config, ...start });
  // Large, and otherwise only of use in the other thread.
  const [{ startTelemetry: startHere }, { LoopWatch }] = await Promise.all([
    import('./telemetry/start-telemetry.ts'),
    import('./telemetry/loop-watch.ts'),
  ]);
  const loop = new LoopWatch();
  return startHere(config, { ...start, localExporter, loopDelay: async () => loop.look() });
}

function findRoute(config: Config, query: Parameters<typeof matchRoute>[1]): ReturnType<FindRoute> {
  const route = matchRoute(config.routes, query);
  const destination = route === undefined ? undefined : config.destinations[route.to];
  if (route === undefined || destination === undefined) return { route: undefined, unknown: unknownTitle(config.routes, query) };
  return { route, destination };
}
