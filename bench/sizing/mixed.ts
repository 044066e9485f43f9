/**
 * The model against the proxy: senders that a hospital has, at the same time, through a real proxy with telemetry and ledger to DCMTK's
 * storescp; what the model says of it, and what was.
 */
import { rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from '../../test/fixtures/processes.ts';
import { startProxy } from '../../test/fixtures/proxy.ts';
import { Stage } from '../../test/fixtures/stage.ts';
import { makeStudies } from '../fleet/studies.ts';
import type { Watched } from '../shared/command.ts';
import { cpuMs, peakBytes } from '../shared/process-cost.ts';
import { sinkReceived, startProgram, startSink } from '../shared/programs.ts';
import { roomyFolder } from '../shared/roomy-folder.ts';
import { spread } from '../shared/spread.ts';
import type { Constants } from './constants.ts';
import type { Compared } from './measured-here.ts';
import { type Amount, costOfAmount, ledgerFileBytes, memoryMb, telemetryBytes, timeMs } from './model.ts';

export interface MixedOptions extends Watched {
  readonly constants: Constants;
  readonly rounds: number;
  /** A tenth of the work. */
  readonly isQuick: boolean;
}

/** A sender: its associations one after the other, each a study. */
interface Sender {
  readonly studies: number;
  readonly slices: number;
  /** Rows and columns of two bytes. */
  readonly side: number;
}

/** 60 % CT slices of 0.5 MB, small ones of 8 KB as of an ultrasound scanner, a few of 20 MB as of a mammograph. */
const senders: readonly Sender[] = [
  { studies: 4, slices: 180, side: 512 },
  { studies: 92, slices: 5, side: 60 },
  { studies: 5, slices: 4, side: 3200 },
];

/** What it does later (spans, closing studies) belongs to the round. */
const delayMs = 1000;
const settleMs = 5000;
const sendWithinMs = 300_000;

export async function mixed({ constants, rounds, isQuick, onProgress, onStage }: MixedOptions): Promise<Compared[]> {
  const stage = new Stage();
  onStage(stage);
  try {
    const folder = await roomyFolder();
    stage.defer(() => rm(folder, { recursive: true, force: true }));
    const sink = await startSink(stage);
    // A process for each association, as many at once as there are.
    const scp = await startProgram(stage, 'storescp', (port) => ['--fork', '--ignore', '-dhl', String(port)], { TCP_NODELAY: '1' });
    const proxy = await startProxy(stage, {
      destinations: { pacs: { port: scp.port } },
      otlp: `http://127.0.0.1:${sink}`,
      more: { integrity: { quietPeriod: `${delayMs}ms`, verify: false } },
      env: { OTEL_BSP_SCHEDULE_DELAY: String(delayMs), OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' },
    });
    const { pid } = proxy.process;
    const ledger = join(dirname(proxy.configFile), 'spool', 'integrity.db');
    const shapes = senders.map((one) => ({ ...one, studies: isQuick ? Math.ceil(one.studies / 10) : one.studies }));
    let seed = 100_000;
    const look = async () => ({
      cpu: cpuMs(pid) / 1000,
      telemetry: ((await sinkReceived(sink)).paths['/v1/traces']?.bytes ?? 0) / 1e6,
      ledger: (await stat(ledger)).size / 1e6,
    });
    let amounts: Amount[] = [];
    const measured: { cpu: number; telemetry: number; ledger: number; time: number }[] = [];
    // Round 0 warms up.
    for (let round = 0; round <= rounds; round += 1) {
      onProgress(`mixed work: ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}`);
      const works: string[][][] = [];
      amounts = [];
      for (const shape of shapes) {
        const files: string[][] = [];
        let bytes = 0;
        for (let study = 0; study < shape.studies; study += 1) {
          const made = await makeStudies(folder, { ...shape, studies: 1 }, seed);
          seed += 1;
          files.push([...made.files]);
          bytes += made.dataSetBytes;
        }
        works.push(files);
        const { studies, slices } = shape;
        amounts.push({ instances: studies * slices, mb: bytes / 1e6, associations: studies, studies });
      }
      const before = await look();
      const start = performance.now();
      await Promise.all(works.map((studies) => sendAll(proxy.port, studies)));
      const time = (performance.now() - start) / 1000;
      await delay(settleMs);
      const after = await look();
      if (round > 0)
        measured.push({
          time,
          cpu: after.cpu - before.cpu,
          telemetry: after.telemetry - before.telemetry,
          ledger: after.ledger - before.ledger,
        });
      for (const files of works.flat()) await rm(dirname(dirname(dirname(files[0] ?? folder))), { recursive: true, force: true });
    }
    const total = amounts.reduce((sum, one) => ({
      instances: sum.instances + one.instances,
      mb: sum.mb + one.mb,
      associations: sum.associations + one.associations,
      studies: sum.studies + one.studies,
    }));
    const thousandth = (value: number | undefined) => (value === undefined ? undefined : value / 1000);
    const millionth = (value: number | undefined) => (value === undefined ? undefined : value / 1e6);
    const compare = (what: string, unit: string, predicted: number | undefined, values: readonly number[]): Compared => {
      const { median, min, max } = spread(values) ?? { median: Number.NaN, min: Number.NaN, max: Number.NaN };
      return { what, unit, predicted: predicted ?? null, measured: median, min, max };
    };
    const of = (key: keyof (typeof measured)[number]) => measured.map((one) => one[key]);
    return [
      compare('CPU', 's', thousandth(costOfAmount(constants.relayCpu, total)), of('cpu')),
      compare('time', 's', thousandth(timeMs(constants, amounts, availableParallelism())), of('time')),
      compare('memory, highest', 'MB', memoryMb(constants, senders.length), [peakBytes(pid) / 1e6]),
      compare('ledger (SQLite)', 'MB', millionth(ledgerFileBytes(constants, total)), of('ledger')),
      compare('traces, gzip', 'MB', millionth(telemetryBytes(constants, total, 0)), of('telemetry')),
    ];
  } finally {
    await stage.clear();
  }
}

/** A study over each association. */
async function sendAll(port: number, studies: readonly (readonly string[])[]): Promise<void> {
  for (const files of studies) {
    const env = { ...process.env, TCP_NODELAY: '1' };
    const sent = await run('storescu', ['-aec', 'PACS', '127.0.0.1', String(port), ...files], { env, withinMs: sendWithinMs });
    if (sent.code !== 0) throw new Error(`storescu ended with ${sent.code ?? sent.signal}: ${sent.output.slice(0, 300)}`);
  }
}
