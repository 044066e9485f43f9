/**
 * How fast a backlog is delivered: `./dev bench queue drain [--quick] [COUNT=2000] [KILOBYTES=512] [ROUNDS=3]`.
 *
 * In each round `storescu` sends the files directly to `storescp --ignore`; then, while nothing listens there, through the proxy into its
 * spool; then `storescp` is there, and the proxy delivers them over one association. Measured are the whole run of storescu, and the
 * time from the first file that leaves the spool until it is empty. The ratio is of their rates: 1 is as fast as storescu.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, listening } from '../../test/fixtures/ports.ts';
import { RunningProcess, run } from '../../test/fixtures/processes.ts';
import { startProxy } from '../../test/fixtures/proxy.ts';
import { Stage } from '../../test/fixtures/stage.ts';
import { generateStudy } from '../../test/fixtures/study-generator.ts';
import { missingTools, toolPath } from '../../test/fixtures/tools.ts';

const missing = missingTools('storescu', 'storescp');
if (missing !== undefined) {
  console.error(`drain: ${missing}`);
  process.exit(1);
}
const isQuick = process.argv.includes('--quick');
const given = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const [count = isQuick ? 200 : 2000, kilobytes = 512, rounds = isQuick ? 1 : 3] = given.map(Number);
const env = { ...process.env, TCP_NODELAY: '1' };
const withinMs = 600_000;

const stage = new Stage();
try {
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
    await listening(port, scp);
    return scp;
  };
  const send = async (to: number) => {
    const beganAt = performance.now();
    const sent = await run(toolPath('storescu') ?? '', ['+sd', '+r', '127.0.0.1', String(to), folder], { env, withinMs });
    if (sent.code !== 0) throw new Error(`storescu ended with ${sent.code}: ${sent.stderr}`);
    return performance.now() - beganAt;
  };
  console.log(`${count} instances of ${kilobytes} KiB, ${rounds} rounds`);
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    let scp = await pacs();
    const directMs = await send(port);
    await scp.end('SIGKILL');
    const keepingMs = await send(proxy.port);
    if ((await left()) !== count) throw new Error(`${await left()} of ${count} are in the spool`);
    scp = await pacs();
    while ((await left()) === count) await sleep(5);
    const beganAt = performance.now();
    for (let rest = await left(); rest > 0; rest = await left()) await sleep(rest > 50 ? 50 : 2);
    const drainMs = performance.now() - beganAt;
    await scp.end('SIGKILL');
    ratios.push(directMs / drainMs);
    const rate = (ms: number) => `${(ms / 1000).toFixed(2).padStart(6)} s ${Math.round((count * 1000) / ms)}/s`.padEnd(20);
    console.log(
      `round ${round}: storescu directly ${rate(directMs)} into the spool ${rate(keepingMs)} drained ${rate(drainMs)} ratio ${(directMs / drainMs).toFixed(2)}`,
    );
  }
  const median = ratios.sort((a, b) => a - b)[Math.floor(ratios.length / 2)] ?? 0;
  console.log(`drain rate / storescu's rate, median: ${median.toFixed(2)} (goal: at least 0.9)`);
} finally {
  await stage.clear();
}
