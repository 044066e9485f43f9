/** The lab of docker-compose.yml with processes in place of containers: its configuration files, other addresses. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { authority } from '../fixtures/certificates.ts';
import { eventually } from '../fixtures/deadline.ts';
import { type Orthanc, orthanc } from '../fixtures/orthanc.ts';
import { repositoryFolder } from '../fixtures/paths.ts';
import { freePort, listening } from '../fixtures/ports.ts';
import { RunningProcess } from '../fixtures/processes.ts';
import { type ProxyPlace, proxyPlace, type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import { element, implicitVrLittleEndian, verification } from '../fixtures/raw-pdu.ts';
import { rawScp, success } from '../fixtures/raw-scp.ts';
import { rawAssociate } from '../fixtures/raw-scu.ts';
import { redis } from '../fixtures/redis.ts';
import type { Stage } from '../fixtures/stage.ts';
import { createStep, mppsSopClass } from '../integrity/mpps.ts';
import { type Jaeger, startJaeger } from './jaeger.ts';
import { labFile, labText, labYaml } from './lab-files.ts';
import { partPath, tool } from './parts.ts';
import { writePast } from './past.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';
import { startTee, type Tee } from './tee.ts';

const token = 'lab-token-known-to-all';
export const siteKey = 'lab-site-key-known-to-all';
const keyPrefix = 'lab';

export interface Collector {
  readonly url: string;
  readonly process: RunningProcess;
  /** What it offers Prometheus, as text. */
  metrics(): Promise<string>;
}

/** The collector with our configuration and nothing else. */
export async function startCollector(
  stage: Stage,
  jaegerPort: number,
): Promise<Collector & { readonly targets: { spans: string; self: string } }> {
  const names = ['HTTP', 'GRPC', 'METRICS', 'HEALTH', 'SELF'] as const;
  const ports = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await freePort()] as const)));
  const process_ = new RunningProcess(partPath('otelcol'), ['--config', labFile('otel-collector.yaml')], {
    env: {
      ...process.env,
      COLLECTOR_HOST: '127.0.0.1',
      COLLECTOR_FLUSH_INTERVAL: '1s',
      JAEGER_ENDPOINT: `127.0.0.1:${jaegerPort}`,
      ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [`COLLECTOR_${name}_PORT`, `${port}`])),
    },
  });
  stage.defer(() => process_.end('SIGTERM', 30_000));
  for (const name of ['HTTP', 'HEALTH', 'METRICS']) await listening(ports[name] ?? 0, process_, 60_000);
  return {
    url: `http://127.0.0.1:${ports['HTTP']}`,
    process: process_,
    metrics: async () => await (await fetch(`http://127.0.0.1:${ports['METRICS']}/metrics`)).text(),
    targets: { spans: `127.0.0.1:${ports['METRICS']}`, self: `127.0.0.1:${ports['SELF']}` },
  };
}

export interface Scene {
  readonly jaeger: Jaeger;
  readonly collector: Collector;
  readonly tee: Tee;
  readonly prometheus: Prometheus;
  readonly proxies: readonly RunningProxy[];
  /** What each modality said, a line for each study. */
  readonly modalities: Readonly<Record<'CT1' | 'CT2', RunningProcess>>;
  pacs(): Orthanc;
  killPacs(): Promise<void>;
  startPacs(): Promise<void>;
  /** One study to a called AE title of the scene: ARCHIVE refuses everything (the very first time for now), KEEP is stored and forwarded to it. */
  sendTo(calledAet: string): Promise<string>;
  /** One study to the PACS, of which two slices are withheld. */
  sendShort(): Promise<string>;
  /** A step is begun of which no study comes. Gives the response's status. */
  beginStep(): Promise<number>;
  /** One on which nothing happens. */
  openAssociation(): Promise<{ release(): Promise<void> }>;
}

type Destinations = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
interface LabConfig {
  readonly destinations: Destinations;
  readonly routes: readonly object[];
  readonly spool: object;
}

export async function startScene(stage: Stage): Promise<Scene> {
  const jaeger = await startJaeger(stage);
  const collector = await startCollector(stage, jaeger.otlpPort);
  const tee = await startTee(stage, collector.url);
  const schedule = await redis(stage);
  await writePast(schedule.url, keyPrefix, 'CT0');
  const ris = await rawScp(stage);
  let archived = 0;
  const archive = await rawScp(stage, {
    // Once out of resources, so that something is tried again; and then never.
    onMessage: (message, { connection }) => {
      const refusal = archived++ === 0 ? 0xa700 : 0xa900;
      connection.sendMessage(message.contextId, { ...success(message), [element.status]: refusal });
    },
  });
  const pacsPort = await freePort();
  const startPacs = async () => {
    const lab = JSON.parse(labText('lab/orthanc.json')) as Record<string, unknown>;
    const { StorageDirectory: _storage, IndexDirectory: _index, DicomPort: _port, HttpPort: _http, ...kept } = lab;
    return await orthanc(stage, { aet: 'ORTHANC', port: pacsPort, more: kept });
  };
  let pacs = await startPacs();

  const spoolFolder = await stage.folder('spool');
  const lab = labYaml('lab/radiotracer.yaml') as LabConfig;
  const { cert, key } = await (await authority(stage)).issue('proxy');
  const more = (place: ProxyPlace, tlsPort: number) => ({
    listeners: [
      { host: '127.0.0.1', port: place.port },
      // For the time that its certificate has.
      { host: '127.0.0.1', port: tlsPort, tls: { cert, key } },
    ],
    destinations: {
      ...Object.fromEntries(Object.entries(lab.destinations).map(([id, values]) => [id, { ...values, host: '127.0.0.1', port: pacsPort }])),
      archive: { host: '127.0.0.1', port: archive.port, retry: { initial: '200ms' }, verify: false },
      ris: { host: '127.0.0.1', port: ris.port, verify: false },
    },
    routes: [
      { callingAet: 'US7', calledAet: 'RIS', to: 'ris' },
      // For its name alone.
      { callingAet: 'CT0', to: 'pacs' },
      { calledAet: 'ARCHIVE', to: 'archive' },
      { calledAet: 'KEEP', to: 'archive', mode: 'store-and-forward' },
      ...lab.routes,
    ],
    spool: { ...lab.spool, dir: spoolFolder },
    queue: { redis: schedule.url, keyPrefix },
    telemetry: { otlp: tee.url, siteKey },
    integrity: { quietPeriod: '2s', verifyDelay: '1s', worklistFollow: '3s' },
    admin: { port: place.adminPort, token },
  });
  const env = { OTEL_METRICS_EXPORTER: 'none', OTEL_BSP_SCHEDULE_DELAY: '500' };
  const proxies = await Promise.all(
    ['proxy-1', 'proxy-2'].map(async (node) => {
      const place = await proxyPlace(await stage.folder(node));
      return await startProxy(stage, {
        destinations: {},
        routes: [],
        place,
        more: more(place, await freePort()),
        env: { ...env, RADIOTRACER_SPOOL_NODE: node },
      });
    }),
  );

  const frontPort = await freePort();
  await startFront(stage, frontPort, proxies);
  const prometheus = await startPrometheus(
    stage,
    {
      radiotracer: proxies.map(({ adminPort }) => `127.0.0.1:${adminPort}`),
      'collector-spans': [collector.targets.spans],
      collector: [collector.targets.self],
    },
    token,
  );
  const modality = (title: string, called: string, every: string, ...more: readonly string[]) =>
    new RunningProcess(process.execPath, [
      '--conditions=@radiotracer/source',
      join(repositoryFolder, 'apps/cli/src/lab/modality.ts'),
      ...[
        '--to',
        `127.0.0.1:${frontPort}`,
        '--calling-aet',
        title,
        '--called-aet',
        called,
        '--every',
        every,
        '--slices',
        '4,2',
        '--size',
        '64',
        ...more,
      ],
    ]);
  const kept = (title: string, every: string) => {
    const running = modality(title, 'RADIOTRACER', every);
    stage.defer(() => running.end('SIGTERM'));
    return running;
  };
  return {
    ...{ jaeger, collector, tee, prometheus, proxies },
    modalities: { CT1: kept('CT1', '2s'), CT2: kept('CT2', '3s') },
    pacs: () => pacs,
    killPacs: async () => void (await pacs.process.end('SIGKILL')),
    startPacs: async () => {
      pacs = await startPacs();
    },
    openAssociation: async () => {
      const contexts = [{ id: 1, abstractSyntax: verification, transferSyntaxes: [implicitVrLittleEndian] }];
      const { connection } = await rawAssociate(stage, frontPort, { contexts });
      return { release: async () => void (await connection.release()) };
    },
    // Other titles, or two scanners would make the same study in the same second.
    sendTo: async (calledAet) => await sentOnce(modality('MR9', calledAet, '1h')),
    sendShort: async () => await sentOnce(modality('CT8', 'RADIOTRACER', '1h', '--withhold')),
    beginStep: async () => {
      const contexts = [{ id: 1, abstractSyntax: mppsSopClass, transferSyntaxes: [implicitVrLittleEndian] }];
      const { connection } = await rawAssociate(stage, frontPort, { contexts, calling: 'US7', called: 'RIS' });
      const status = await createStep(connection, 1, '2.25.701', '2.25.702', 'NOSTUDY');
      await connection.release();
      return status;
    },
  };
}

async function sentOnce(running: RunningProcess): Promise<string> {
  try {
    return await eventually('a study to be sent', () => running.stdout.split('\n').find((line) => line !== ''), 60_000);
  } finally {
    await running.end('SIGTERM');
  }
}

/** haproxy with lab/haproxy.cfg, which must have just the places that are replaced. */
async function startFront(stage: Stage, port: number, proxies: readonly RunningProxy[]): Promise<void> {
  let text = labText('lab/haproxy.cfg');
  const replace = (pattern: RegExp, by: string) => {
    const before = text;
    text = text.replace(pattern, by);
    if (text === before) throw new Error(`lab/haproxy.cfg has no ${pattern}`);
  };
  replace(/resolvers docker\n(?: .*\n)+/, '');
  replace(/ resolvers docker init-addr none/, '');
  replace(/bind :11112/, `bind 127.0.0.1:${port}`);
  replace(/ port 8080/, '');
  for (const [index, proxy] of proxies.entries())
    replace(new RegExp(`proxy-${index + 1}:11112`), `127.0.0.1:${proxy.port} port ${proxy.adminPort}`);
  const file = join(await stage.folder('haproxy'), 'haproxy.cfg');
  await writeFile(file, text);
  const front = new RunningProcess(tool('haproxy'), ['-db', '-f', file]);
  stage.defer(() => front.end('SIGTERM'));
  await listening(port, front);
}
