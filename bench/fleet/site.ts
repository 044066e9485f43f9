/** A site: Redis, a PACS, modalities and some proxies, each a host of its own. */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../test/fixtures/deadline.ts';
import { RunningProcess } from '../../test/fixtures/processes.ts';
import { type RunningProxy, startProxy } from '../../test/fixtures/proxy.ts';
import type { Stage } from '../../test/fixtures/stage.ts';
import type { Arrival } from './counting-scp.ts';
import { type Host, makeNetwork } from './network.ts';
import { askRedis, type RedisUse } from './redis-info.ts';

export interface SiteOptions {
  readonly proxies: number;
  /** Where the schedule is, and the ledger. */
  readonly home: 'redis' | 'sqlite';
  readonly hasLedger: boolean;
  /** One volume for all spools: any proxy delivers what any has kept. */
  readonly isShared: boolean;
}

export interface Site {
  readonly modalities: Host;
  readonly pacs: Pacs;
  readonly redis: RedisServer;
  readonly proxies: readonly FleetProxy[];
}

export interface RedisServer {
  readonly url: string;
  ask(): Promise<RedisUse>;
}

export interface Pacs {
  /** `answerMs`: each C-STORE is answered so much later. */
  up(answerMs: number): Promise<void>;
  down(): Promise<void>;
  forget(): Promise<void>;
  count(): Promise<{ readonly stores: number; readonly instances: number }>;
  arrivals(): Promise<readonly Arrival[]>;
}

export interface FleetProxy {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly spool: string;
  /** Of the process that runs now. */
  readonly pid: number;
  /** SIGKILL. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Files that wait in its spool. */
  waiting(): Promise<number>;
}

const pacsPort = 104;
const controlPort = 8104;
const redisPort = 6379;
const proxyPort = 11_112;
const adminPort = 8080;
/** The ledger's studies are closed within a run, so that what that costs belongs to it. */
export const quietPeriodMs = 1000;

export async function startSite(stage: Stage, { proxies: count, home, hasLedger, isShared }: SiteOptions): Promise<Site> {
  const names = Array.from({ length: count }, (_, index) => `proxy-${index + 1}`);
  const hosts = makeNetwork<string>(stage, ['modalities', 'pacs', 'redis', ...names]);
  const hostOf = (name: string) => hosts[name] as Host;
  const pacs = await startPacs(stage, hostOf('pacs'));
  const redis = await startRedis(stage, hostOf('redis'));
  const root = await stage.folder('fleet');
  const proxies: FleetProxy[] = [];
  for (const name of names) {
    const host = hostOf(name);
    const folder = join(root, name);
    await mkdir(folder);
    const place = { folder, port: proxyPort, adminPort, host: host.address, through: host.through };
    const spool = isShared ? join(root, 'spools', name) : join(folder, 'spool');
    const options = {
      place,
      destinations: {},
      routes: [{ to: 'pacs' }],
      more: {
        destinations: {
          // Noticed soon, so that what is measured is delivering, not the wait for the next question.
          pacs: { host: hostOf('pacs').address, port: pacsPort, circuit: { probe: '200ms' }, retry: { initial: '100ms', max: '500ms' } },
        },
        spool: isShared ? { dir: join(root, 'spools'), shared: true, node: name } : { dir: spool },
        queue: home === 'redis' ? { redis: redis.url } : {},
        integrity: { enabled: hasLedger, quietPeriod: `${quietPeriodMs}ms`, verify: false },
        telemetry: { siteKey: 'the same on every node' },
        admin: { host: host.address, port: adminPort, token: 'a-token-for-the-bench' },
        log: { level: 'error' },
      },
    };
    let running: RunningProxy = await startProxy(stage, options);
    proxies.push({
      name,
      address: host.address,
      port: proxyPort,
      spool,
      get pid() {
        return running.process.pid;
      },
      kill: () => running.kill(),
      start: async () => {
        running = await startProxy(stage, options);
      },
      waiting: async () => (await readdir(join(spool, 'waiting'), { recursive: true })).filter((file) => file.endsWith('.dcm')).length,
    });
  }
  return { modalities: hostOf('modalities'), pacs, redis, proxies };
}

/** A program on a host; the stage ends it. */
function startOn({ through }: Host, stage: Stage, ...program: readonly string[]): RunningProcess {
  const [command = '', ...args] = [...through, ...program];
  const running = new RunningProcess(command, args);
  stage.defer(() => running.end('SIGTERM'));
  return running;
}

async function startPacs(stage: Stage, host: Host): Promise<Pacs> {
  const file = fileURLToPath(new URL('./counting-scp.ts', import.meta.url));
  const node = [process.execPath, '--conditions=@radiotracer/source', file];
  const running = startOn(host, stage, ...node, host.address, String(pacsPort), String(controlPort));
  const ask = async (method: 'GET' | 'POST', path: string): Promise<unknown> => {
    const answer = await fetch(`http://${host.address}:${controlPort}${path}`, { method });
    return await answer.json();
  };
  const pacs: Pacs = {
    up: async (answerMs) => void (await ask('POST', `/up?answerMs=${answerMs}`)),
    down: async () => void (await ask('POST', '/down')),
    forget: async () => void (await ask('POST', '/forget')),
    count: async () => (await ask('GET', '/count')) as { stores: number; instances: number },
    arrivals: async () => (await ask('GET', '/arrivals')) as Arrival[],
  };
  await eventually('the PACS to answer', async () => {
    if (running.exit !== undefined) throw new Error(running.stdout + running.stderr);
    return (await pacs.count()).stores === 0;
  });
  return pacs;
}

async function startRedis(stage: Stage, host: Host): Promise<RedisServer> {
  const dir = await stage.folder('redis');
  // Nothing on disk: what the disk costs is another question.
  const kept = ['--save', '', '--appendonly', 'no', '--dir', dir];
  const running = startOn(
    host,
    stage,
    'redis-server',
    '--port',
    String(redisPort),
    '--bind',
    host.address,
    '--protected-mode',
    'no',
    ...kept,
  );
  const ask = () => askRedis(host.address, redisPort, running.pid);
  await eventually('redis-server to answer', async () => (await ask()).usedBytes > 0);
  return { url: `redis://${host.address}:${redisPort}`, ask };
}
