/** Processes that a bench starts, each on a port of its own. */
import { fileURLToPath } from 'node:url';
import { freePort, listening } from '../../test/fixtures/ports.ts';
import { RunningProcess } from '../../test/fixtures/processes.ts';
import type { Stage } from '../../test/fixtures/stage.ts';
import { toolPath } from '../../test/fixtures/tools.ts';

export interface Peer {
  readonly port: number;
  /** Undefined: nothing stands between. */
  readonly pid: number | undefined;
  /** After each run, before its CPU is read: what it does later belongs to the run, and must not disturb the next. */
  readonly settleMs: number;
}

/** DCMTK's storage SCP; what it receives it forgets. `more`: options of storescp. */
export async function startScp(stage: Stage, ...more: readonly string[]): Promise<number> {
  return (await startProgram(stage, 'storescp', (port) => ['--ignore', '-dhl', ...more, String(port)], { TCP_NODELAY: '1' })).port;
}

/** Where the bench's collector listens. `mood`: as `otlp-sink.ts` takes it. */
export async function startSink(stage: Stage, mood = 'accept'): Promise<number> {
  return (await startNode(stage, new URL('./otlp-sink.ts', import.meta.url), mood)).port;
}

export interface Received {
  readonly requests: number;
  readonly bytes: number;
}

/** What the collector has received, in all and by path. */
export async function sinkReceived(port: number): Promise<Received & { readonly paths: Readonly<Record<string, Received>> }> {
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  return (await answer.json()) as Received & { readonly paths: Readonly<Record<string, Received>> };
}

/** A program of ours that takes its port, and more. */
export function startNode(stage: Stage, program: URL, ...more: readonly (number | string)[]): Promise<Peer> {
  const args = (port: number) => ['--conditions=@radiotracer/source', fileURLToPath(program), String(port), ...more.map(String)];
  return startProgram(stage, process.execPath, args);
}

/** Starts it and waits until it listens; the stage ends it. `given`: its port, where it is known before. */
export async function startProgram(
  stage: Stage,
  command: string,
  args: (port: number) => readonly string[],
  env: Readonly<Record<string, string>> = {},
  given?: number,
): Promise<Peer> {
  const port = given ?? (await freePort());
  const path = command.includes('/') ? command : toolPath(command);
  if (path === undefined) throw new Error(`${command} is not installed; ./dev test installs what the bench needs on Debian`);
  const running = new RunningProcess(path, args(port), { env: { ...process.env, ...env } });
  stage.defer(() => running.end('SIGTERM'));
  await listening(port, running);
  return { port, pid: running.pid, settleMs: 100 };
}
