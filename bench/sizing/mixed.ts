/**
 * The model against the proxy: senders that a hospital has, at the same time, through a real proxy with telemetry and ledger; what the model
 * says of it, and what was.
 */
import { rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/fixtures/ports.ts';
import { startProxy } from '../../test/fixtures/proxy.ts';
import { Stage } from '../../test/fixtures/stage.ts';
import { generateStudy } from '../../test/fixtures/study-generator.ts';
import { makeStudies, type Shape, type Studies } from '../fleet/studies.ts';
import { sendOneByOne, storeMessage } from '../relay/association-sender.ts';
import type { Watched } from '../shared/command.ts';
import { cpuMs, peakBytes } from '../shared/process-cost.ts';
import { sinkReceived, startProgram, startSink } from '../shared/programs.ts';
import { roomyFolder } from '../shared/roomy-folder.ts';
import { spread } from '../shared/spread.ts';
import { sendFiles } from '../shared/storescu.ts';
import type { Constants } from './constants.ts';
import type { Compared } from './measured-here.ts';
import { type Amount, ledgerFileBytes, memoryMb, relayCpuMs, telemetryBytes, timeMs } from './model.ts';

export interface MixedOptions extends Watched {
  readonly constants: Constants;
  readonly rounds: number;
  /** A tenth of the work. */
  readonly isQuick: boolean;
}

/** A sender: its associations one after the other. */
interface Sender extends Shape {
  /** An association for each instance, as ultrasound scanners do; else for each study. */
  readonly isOneEach: boolean;
}

/** Ready to be sent; wall time is the sender's. */
interface Work {
  readonly amount: Amount;
  send(port: number): Promise<unknown>;
  remove(): Promise<void>;
}

/** 60 % CT slices of 0.5 MB, small ones of 8 KB, a few of 20 MB as of a mammograph. */
const senders: readonly Sender[] = [
  { studies: 4, slices: 120, side: 512, isOneEach: false },
  { studies: 60, slices: 5, side: 60, isOneEach: true },
  { studies: 5, slices: 4, side: 3200, isOneEach: false },
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
    const pacsPort = await startPacs(stage);
    const proxy = await startProxy(stage, {
      destinations: { pacs: { port: pacsPort } },
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
      const works: Work[] = [];
      for (const shape of shapes) {
        works.push(await prepare(shape, folder, seed));
        seed += shape.studies;
      }
      amounts = works.map(({ amount }) => amount);
      const before = await look();
      const start = performance.now();
      await Promise.all(works.map((work) => work.send(proxy.port)));
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
      for (const work of works) await work.remove();
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
    const relayMs = relayCpuMs(constants, total);
    const idleMs = (constants.idleCpuMs ?? 0) * ((spread(measured.map(({ time }) => time))?.median ?? 0) + settleMs / 1000);
    const cpu = relayMs === undefined ? undefined : relayMs + idleMs;
    const of = (key: keyof (typeof measured)[number]) => measured.map((one) => one[key]);
    return [
      compare('CPU', 's', thousandth(cpu), of('cpu')),
      compare('time', 's', thousandth(timeMs(constants, amounts, availableParallelism())), of('time')),
      compare('memory, highest', 'MB', memoryMb(constants, senders.length), [peakBytes(pid) / 1e6]),
      compare('ledger (SQLite)', 'MB', millionth(ledgerFileBytes(constants, total)), of('ledger')),
      compare('traces, gzip', 'MB', millionth(telemetryBytes(constants, total, 0)), of('telemetry')),
    ];
  } finally {
    await stage.clear();
  }
}

/** The PACS of `./dev bench fleet`: many associations at once, and no process for each, which would take longer than a small association. */
async function startPacs(stage: Stage): Promise<number> {
  const port = await freePort();
  const file = fileURLToPath(new URL('../fleet/counting-scp.ts', import.meta.url));
  const args = (control: number) => ['--conditions=@radiotracer/source', file, '127.0.0.1', String(port), String(control)];
  const control = await startProgram(stage, process.execPath, args);
  await (await fetch(`http://127.0.0.1:${control.port}/up`, { method: 'POST' })).arrayBuffer();
  return port;
}

async function prepare(sender: Sender, folder: string, seed: number): Promise<Work> {
  const { studies, slices, side, isOneEach } = sender;
  const instances = studies * slices;
  const amount = { instances, mb: (instances * side * side * 2) / 1e6, associations: isOneEach ? instances : studies, studies };
  if (isOneEach) {
    // By a sender of our own: starting storescu takes longer than such an association.
    const messages = Array.from({ length: studies }, (_, study) => [
      ...generateStudy({ slices, rows: side, columns: side, seed: seed + study }),
    ])
      .flat()
      .map(storeMessage);
    return { amount, send: (port) => sendOneByOne(port, messages, sendWithinMs), remove: async () => {} };
  }
  const made: Studies[] = [];
  for (let study = 0; study < studies; study += 1) made.push(await makeStudies(folder, { ...sender, studies: 1 }, seed + study));
  return {
    amount,
    send: async (port) => {
      for (const { files } of made) await sendFiles(port, files);
    },
    remove: async () => {
      for (const one of made) await one.remove();
    },
  };
}
