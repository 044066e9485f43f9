/** A backlog is delivered, beside `storescu` and the floor sender that send the same files directly. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, listening } from '../../test/fixtures/ports.ts';
import { RunningProcess, run } from '../../test/fixtures/processes.ts';
import { startProxy } from '../../test/fixtures/proxy.ts';
import type { Stage } from '../../test/fixtures/stage.ts';
import { generateStudy } from '../../test/fixtures/study-generator.ts';
import { toolPath } from '../../test/fixtures/tools.ts';
import { sendFiles } from '../shared/storescu.ts';

export interface Backlog {
  readonly count: number;
  readonly kilobytes: number;
  readonly rounds: number;
}

export interface DrainRound {
  /** The whole run of storescu to storescp. */
  readonly directMs: number;
  /** The floor sender to storescp, from its association's acceptance to its last response. */
  readonly floorMs: number;
  /** The whole run of storescu into the spool. */
  readonly keepingMs: number;
  /** From the first file that leaves the spool until it is empty. */
  readonly drainMs: number;
}

const env = { ...process.env, TCP_NODELAY: '1' };
const withinMs = 600_000;
const floorSender = fileURLToPath(new URL('./floor-sender.ts', import.meta.url));
/** To look how many are left takes a while where they are many, and would be time taken from what is measured. */
const looks = { far: { ms: 500, left: 500 }, near: { ms: 50, left: 50 }, end: { ms: 2 } } as const;

/** Gives each round as it ends. */
export async function* drainRounds(stage: Stage, { count, kilobytes, rounds }: Backlog): AsyncGenerator<DrainRound> {
  const folder = await stage.folder('files');
  const side = Math.round(Math.sqrt((kilobytes * 1024) / 2));
  for (const instance of generateStudy({ slices: count, rows: side, columns: side, seed: 9 })) {
    const file = join(folder, instance.path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, instance.bytes);
  }
  const port = await freePort();
  const proxy = await startProxy(stage, {
    destinations: { pacs: { port } },
    more: {
      destinations: { pacs: { host: '127.0.0.1', port, maxAssociations: 1, circuit: { probe: '200ms' } } },
      log: { level: 'fatal' },
    },
  });
  const waiting = join(dirname(proxy.configFile), 'spool', 'waiting');
  const left = async () => (await readdir(waiting, { recursive: true })).filter((name) => name.endsWith('.dcm')).length;
  const pacs = async () => {
    const scp = new RunningProcess(toolPath('storescp') ?? '', ['--ignore', String(port)], { env });
    stage.defer(() => scp.end('SIGKILL'));
    await listening(port, scp);
    return scp;
  };
  const send = (to: number) => sendFiles(to, [folder], { args: ['+sd', '+r'], withinMs });
  for (let round = 1; round <= rounds; round++) {
    let scp = await pacs();
    const directMs = await send(port);
    const floor = await run(process.execPath, ['--conditions=@radiotracer/source', floorSender, String(port), folder], { withinMs });
    if (floor.code !== 0) throw new Error(`the floor sender ended with ${floor.code ?? floor.signal}: ${floor.output.slice(0, 300)}`);
    await scp.end('SIGKILL');
    const keepingMs = await send(proxy.port);
    if ((await left()) !== count) throw new Error(`${await left()} of ${count} are in the spool`);
    scp = await pacs();
    while ((await left()) === count) await sleep(5);
    const beganAt = performance.now();
    for (let rest = await left(); rest > 0; rest = await left()) await sleep(untilNextLookMs(rest));
    const drainMs = performance.now() - beganAt;
    await scp.end('SIGKILL');
    yield { directMs, floorMs: Number(floor.stdout), keepingMs, drainMs };
  }
}

function untilNextLookMs(rest: number): number {
  if (rest > looks.far.left) return looks.far.ms;
  return rest > looks.near.left ? looks.near.ms : looks.end.ms;
}
