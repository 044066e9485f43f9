/**
 * `./dev bench relay [--quick] [--rounds N] [--only WORD]`: what it costs to stand in the line, against those who stand there too.
 *
 * Every round sends every workload over every contender, in an order that turns from round to round, so that whatever else the
 * machine does hits all of them. One round before that warms up and is not counted. A full run keeps its numbers in
 * results/relay.json and RESULTS.md; `--quick` and `--only` keep nothing.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort, listening } from '../test/fixtures/ports.ts';
import { RunningProcess } from '../test/fixtures/processes.ts';
import { Stage } from '../test/fixtures/stage.ts';
import { missingTools, toolPath } from '../test/fixtures/tools.ts';
import { type Contender, contenders, type Missing } from './lib/contenders.ts';
import { cpuMsOf, forgetPeakOf, peakBytesOf } from './lib/process-use.ts';
import { type Results, type Row, resultsText, workloadText } from './lib/relay-table.ts';
import { spread } from './lib/statistics.ts';
import { type Workload, workloads } from './lib/workloads.ts';

interface Sample {
  readonly round: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakBytes: number;
}

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, rounds: { type: 'string' }, only: { type: 'string' } },
});
const rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds N: a whole number from 1');
const missing = missingTools('storescu', 'storescp');
if (missing !== undefined) throw new Error(`${missing}: DCMTK stands at both ends`);

const slowDeadlineMs = values.quick ? 30_000 : 60_000;
const deadlineMs = 60_000;
/** Telemetry is exported a moment after the last instance (200 ms here): that is the relay's work too. */
const settleMs = 500;

const stage = new Stage();
process.once('SIGINT', () => {
  void stage.clear().finally(() => process.exit(130));
});

function machine(): Results['machine'] {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? '',
    node: process.version,
    kernel: release().replace(/^(\d+\.\d+).*$/, '$1'),
  };
}

function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { encoding: 'utf8', cwd: fileURLToPath(new URL('.', import.meta.url)) }).trim();
  try {
    const dirty = git('status', '--porcelain', '--untracked-files=no', '--', '../packages', '../apps') === '' ? '' : '-dirty';
    return git('rev-parse', '--short', 'HEAD') + dirty;
  } catch {
    return 'unknown';
  }
}

async function measured(workload: Workload, contender: Contender, round: number): Promise<Sample> {
  const { pid } = contender;
  if (pid !== undefined) forgetPeakOf(pid);
  const cpuBefore = pid === undefined ? 0 : cpuMsOf(pid);
  const wallMs = await workload.send(contender.port, contender.isSlow ? slowDeadlineMs : deadlineMs);
  if (pid !== undefined) await new Promise((resolve) => setTimeout(resolve, settleMs));
  return {
    round,
    wallMs,
    cpuMs: pid === undefined ? 0 : cpuMsOf(pid) - cpuBefore,
    peakBytes: pid === undefined ? 0 : peakBytesOf(pid),
  };
}

function rowOf(workload: Workload, contender: Contender, samples: readonly Sample[], direct: readonly Sample[]): Row {
  const sum = (of: (sample: Sample) => number): number => samples.reduce((total, sample) => total + of(sample), 0);
  const ratios = samples.map((sample) => sample.wallMs / (direct.find((one) => one.round === sample.round)?.wallMs ?? Number.NaN));
  const row = {
    workload: workload.name,
    contender: contender.name,
    ratio: spread(ratios),
    wallMs: spread(samples.map((sample) => sample.wallMs)),
  };
  if (contender.pid === undefined) return row;
  return {
    ...row,
    cpuMsPerInstance: sum((sample) => sample.cpuMs) / (samples.length * workload.instances),
    cpuMsPerGigabyte: (sum((sample) => sample.cpuMs) / (samples.length * workload.bytes)) * 1e9,
    peakMegabytes: Math.max(...samples.map((sample) => sample.peakBytes)) / 1e6,
  };
}

async function main(): Promise<void> {
  const receiverPort = await freePort();
  const receiver = new RunningProcess(toolPath('storescp') ?? '', ['--ignore', String(receiverPort)], {
    env: { ...process.env, TCP_NODELAY: '1' },
  });
  stage.defer(() => receiver.end('SIGTERM'));
  await listening(receiverPort, receiver);

  console.error('generating studies, starting relays');
  const matches = (name: string): boolean => values.only === undefined || name.includes(values.only);
  const loads = (await workloads(stage, values.quick)).filter(({ name }) => matches(name));
  const all = await contenders(stage, receiverPort);
  const present = all.filter((one): one is Contender => 'port' in one);
  const absent = all.filter((one): one is Missing => 'missing' in one);
  const samples = new Map<string, Sample[]>();
  const failures = new Map<string, string>();
  const keyOf = (workload: Workload, contender: Contender): string => `${workload.name}\n${contender.name}`;

  for (let round = 0; round <= rounds; round += 1) {
    for (const workload of loads) {
      const turn = present.map((_, index) => present[(index + round) % present.length] as Contender);
      for (const contender of turn) {
        const key = keyOf(workload, contender);
        // A slow one has one counted run and no warming up: nothing that it would gain shows beside what it takes.
        if (failures.has(key) || (contender.isSlow && round !== 1)) continue;
        try {
          const sample = await measured(workload, contender, round);
          console.error(`round ${round}/${rounds}  ${workload.name}  ${contender.name}: ${sample.wallMs.toFixed(0)} ms`);
          if (round > 0) samples.set(key, [...(samples.get(key) ?? []), sample]);
        } catch (error) {
          const [why = ''] = String(error instanceof Error ? error.message : error).split('\n');
          failures.set(key, /^waited/.test(why) ? `not done in ${slowDeadlineMs / 1000} s` : `failed: ${why.slice(0, 60)}`);
          console.error(`${workload.name}  ${contender.name}: ${why}`);
        }
      }
    }
  }

  const [direct] = present;
  const rows = loads.flatMap((workload): Row[] =>
    all.map((contender) => {
      const named = { workload: workload.name, contender: contender.name };
      if ('missing' in contender) return { ...named, missing: contender.missing };
      const failure = failures.get(keyOf(workload, contender));
      if (failure !== undefined || direct === undefined) return { ...named, missing: failure ?? '' };
      return rowOf(workload, contender, samples.get(keyOf(workload, contender)) ?? [], samples.get(keyOf(workload, direct)) ?? []);
    }),
  );
  for (const { name, missing: why } of absent) console.error(`${name} was left out: ${why}`);
  const results: Results = { commit: commit(), machine: machine(), rounds, rows };
  for (const { name } of loads) console.log(workloadText(results, name));
  if (values.quick || values.only !== undefined) return;
  writeFileSync(new URL('./results/relay.json', import.meta.url), `${JSON.stringify(results, undefined, 2)}\n`);
  writeFileSync(new URL('./RESULTS.md', import.meta.url), resultsText(results));
}

try {
  await main();
} finally {
  await stage.clear();
}
