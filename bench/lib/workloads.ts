/** What is sent: generated studies as files, with storescu; and one association for each instance. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../test/fixtures/processes.ts';
import type { Stage } from '../../test/fixtures/stage.ts';
import { generateStudy } from '../../test/fixtures/study-generator.ts';
import { toolPath } from '../../test/fixtures/tools.ts';

export interface Workload {
  readonly name: string;
  readonly instances: number;
  readonly bytes: number;
  /** Sends it all to a port; the milliseconds that it took, once the sender has ended well. */
  send(port: number, withinMs: number): Promise<number>;
}

async function done(command: string, args: readonly string[], withinMs: number): Promise<string> {
  // Without it storescu waits for delayed acknowledgements, and loopback measures Nagle's algorithm.
  const ended = await run(command, args, { env: { ...process.env, TCP_NODELAY: '1' }, withinMs });
  if (ended.code !== 0) throw new Error(`${command} ended with ${ended.code ?? ended.signal}: ${ended.output.slice(-1000)}`);
  return ended.stdout;
}

async function study(stage: Stage, name: string, slices: number, side: number, seed: number): Promise<Workload> {
  const folder = await stage.folder('bench-study');
  let bytes = 0;
  for (const instance of generateStudy({ slices, rows: side, columns: side, seed })) {
    const path = join(folder, instance.path);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, instance.bytes);
    bytes += instance.bytes.length;
  }
  const storescu = toolPath('storescu') ?? '';
  return {
    name,
    instances: slices,
    bytes,
    send: async (port, withinMs) => {
      const began = performance.now();
      await done(storescu, ['+sd', '+r', '-aec', 'ANY-SCP', '127.0.0.1', String(port), folder], withinMs);
      return performance.now() - began;
    },
  };
}

function oneByOne(instances: number, side: number): Workload {
  const sender = fileURLToPath(new URL('../peers/one-by-one.ts', import.meta.url));
  return {
    name: `${instances} associations × one of 8 KB`,
    instances,
    bytes: instances * side * side * 2,
    send: async (port, withinMs) => Number(await done(process.execPath, [sender, String(port), String(instances), String(side)], withinMs)),
  };
}

export async function workloads(stage: Stage, quick: boolean): Promise<readonly Workload[]> {
  const small = quick ? 2_000 : 5_000;
  return [
    await study(stage, '500 × 0.5 MB', 500, 512, 1),
    await study(stage, '20 × 20 MB', 20, 3_162, 2),
    await study(stage, `${small.toLocaleString('en')} × 8 KB`, small, 64, 3),
    oneByOne(quick ? 200 : 500, 64),
  ];
}
