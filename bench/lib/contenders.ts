/** What stands between sender and receiver, each a process of its own on a loopback port of its own. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, listening } from '../../test/fixtures/ports.ts';
import { RunningProcess } from '../../test/fixtures/processes.ts';
import { startProxy } from '../../test/fixtures/proxy.ts';
import type { Stage } from '../../test/fixtures/stage.ts';
import { missingTools, toolPath } from '../../test/fixtures/tools.ts';

export interface Contender {
  readonly name: string;
  readonly port: number;
  /** Undefined for the direct line, which has no process. */
  readonly pid: number | undefined;
  /** Runs once, with a deadline: it may take minutes where the others take a second. */
  readonly isSlow: boolean;
}

export interface Missing {
  readonly name: string;
  readonly missing: string;
}

const peer = (file: string): string => fileURLToPath(new URL(`../peers/${file}`, import.meta.url));

async function started(stage: Stage, name: string, command: string, args: readonly string[], port: number): Promise<Contender> {
  const running = new RunningProcess(command, args);
  stage.defer(() => running.end('SIGTERM'));
  await listening(port, running);
  return { name, port, pid: running.pid, isSlow: false };
}

async function haproxy(stage: Stage, target: number): Promise<Contender> {
  const port = await freePort();
  const file = join(await stage.folder('haproxy'), 'haproxy.cfg');
  await writeFile(
    file,
    [
      'global',
      '  nbthread 1',
      'defaults',
      '  mode tcp',
      '  option splice-auto',
      '  timeout connect 10s',
      '  timeout client 10m',
      '  timeout server 10m',
      'listen relay',
      `  bind 127.0.0.1:${port}`,
      `  server target 127.0.0.1:${target}`,
      '',
    ].join('\n'),
  );
  return await started(stage, 'haproxy (TCP mode)', toolPath('haproxy') ?? '', ['-db', '-f', file], port);
}

async function radiotracer(stage: Stage, target: number, telemetry: boolean): Promise<Contender> {
  let otlp: string | undefined;
  if (telemetry) {
    const sinkPort = await freePort();
    await started(stage, 'sink', process.execPath, [peer('otlp-sink.ts'), String(sinkPort)], sinkPort);
    otlp = `http://127.0.0.1:${sinkPort}`;
  }
  const proxy = await startProxy(stage, {
    destinations: { pacs: { port: target } },
    ...(otlp === undefined ? {} : { otlp }),
    // What telemetry costs is to fall into the run that caused it.
    env: telemetry ? { OTEL_BSP_SCHEDULE_DELAY: '200' } : { OTEL_SDK_DISABLED: 'true' },
  });
  return { name: `radiotracer, telemetry ${telemetry ? 'on' : 'off'}`, port: proxy.port, pid: proxy.process.pid, isSlow: false };
}

/** All of them, in the order of the table; the direct line first. */
export async function contenders(stage: Stage, target: number): Promise<readonly (Contender | Missing)[]> {
  const node = async (name: string, file: string, ...more: readonly string[]): Promise<Contender> => {
    const port = await freePort();
    return await started(stage, name, process.execPath, [peer(file), String(port), String(target), ...more], port);
  };
  const withTool = async (tool: string, name: string, start: () => Promise<Contender>): Promise<Contender | Missing> => {
    const missing = missingTools(tool);
    return missing === undefined ? await start() : { name, missing };
  };
  const socatPort = await freePort();
  return [
    { name: 'direct', port: target, pid: undefined, isSlow: false },
    await withTool('socat', 'socat', () =>
      started(
        stage,
        'socat',
        toolPath('socat') ?? '',
        ['-b', '262144', `TCP-LISTEN:${socatPort},bind=127.0.0.1,reuseaddr,fork,nodelay,backlog=128`, `TCP:127.0.0.1:${target},nodelay`],
        socatPort,
      ),
    ),
    await withTool('haproxy', 'haproxy (TCP mode)', () => haproxy(stage, target)),
    await node('blind Node pipe', 'blind-pipe.ts'),
    await node('blind Node pipe, pooled reads', 'blind-pipe.ts', 'pooled'),
    await radiotracer(stage, target, true),
    await radiotracer(stage, target, false),
    { ...(await node('dcmjs-dimse relay', 'dcmjs-relay.ts')), isSlow: true },
  ];
}
