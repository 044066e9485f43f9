/** What stands between sender and PACS, each a process of its own on a port of its own. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../test/fixtures/ports.ts';
import { startProxy } from '../../test/fixtures/proxy.ts';
import type { Stage } from '../../test/fixtures/stage.ts';
import { toolPath } from '../../test/fixtures/tools.ts';
import { type Peer, startNode, startProgram } from '../shared/programs.ts';

export const peerNames = [
  'direct',
  'socat',
  'haproxy',
  'blind pipe',
  'pooled pipe',
  'floor relay',
  'radiotracer',
  'radiotracer, telemetry off',
  'dcmjs-dimse',
] as const;
export type PeerName = (typeof peerNames)[number];

const programs = {
  blindPipe: new URL('./peers/blind-pipe.ts', import.meta.url),
  pooledPipe: new URL('./peers/pooled-pipe.ts', import.meta.url),
  floorRelay: new URL('./peers/floor-relay.ts', import.meta.url),
  dcmjsRelay: new URL('./peers/dcmjs-relay.ts', import.meta.url),
};

/** Spans leave this long after they ended, studies close this long after their last association: short, to fall into the run's own turn. */
const telemetryDelayMs = 1000;

/** Starts it before the PACS on `scpPort`; a reason when this machine does not have it. The stage ends it. */
export async function startPeer(
  stage: Stage,
  name: PeerName,
  scpPort: number,
  sinkPort: number,
): Promise<Peer | { readonly missing: string }> {
  switch (name) {
    case 'direct':
      return { port: scpPort, pid: undefined, settleMs: 100 };
    case 'socat':
      if (toolPath('socat') === undefined) return { missing: 'not installed' };
      return await startProgram(stage, 'socat', (port) => [
        '-b',
        '262144',
        `TCP-LISTEN:${port},bind=127.0.0.1,reuseaddr,fork,nodelay,backlog=128`,
        `TCP:127.0.0.1:${scpPort},nodelay`,
      ]);
    case 'haproxy': {
      if (toolPath('haproxy') === undefined) return { missing: 'not installed' };
      const file = join(await stage.folder('haproxy'), 'haproxy.cfg');
      const port = await freePort();
      await writeFile(file, haproxyConfig(port, scpPort));
      return await startProgram(stage, 'haproxy', () => ['-db', '-f', file], {}, port);
    }
    case 'blind pipe':
      return await startNode(stage, programs.blindPipe, scpPort);
    case 'pooled pipe':
      return await startNode(stage, programs.pooledPipe, scpPort);
    case 'floor relay':
      return await startNode(stage, programs.floorRelay, scpPort);
    case 'dcmjs-dimse':
      return await startNode(stage, programs.dcmjsRelay, scpPort);
    case 'radiotracer':
    case 'radiotracer, telemetry off': {
      const isOn = name === 'radiotracer';
      const proxy = await startProxy(stage, {
        destinations: { pacs: { port: scpPort } },
        quietPeriod: `${telemetryDelayMs}ms`,
        ...(isOn ? { otlp: `http://127.0.0.1:${sinkPort}` } : {}),
        env: isOn ? { OTEL_BSP_SCHEDULE_DELAY: String(telemetryDelayMs) } : { OTEL_SDK_DISABLED: 'true' },
      });
      return { port: proxy.port, pid: proxy.process.pid, settleMs: isOn ? telemetryDelayMs * 2.5 : 200 };
    }
  }
}

function haproxyConfig(port: number, scpPort: number): string {
  return [
    'global',
    '  nbthread 1',
    '  maxconn 1000',
    'defaults',
    '  mode tcp',
    '  timeout connect 5s',
    '  timeout client 1h',
    '  timeout server 1h',
    '  option splice-request',
    '  option splice-response',
    'listen relay',
    `  bind 127.0.0.1:${port}`,
    `  server pacs 127.0.0.1:${scpPort}`,
    '',
  ].join('\n');
}
