/** How much telemetry leaves: by works that differ in one thing. */
import { setTimeout as delay } from 'node:timers/promises';
import { startProxy } from '../../test/fixtures/proxy.ts';
import { Stage } from '../../test/fixtures/stage.ts';
import { generateStudy } from '../../test/fixtures/study-generator.ts';
import { makeStudies, type Shape } from '../fleet/studies.ts';
import { sendOneByOne, storeMessage } from '../relay/association-sender.ts';
import type { Watched } from '../shared/command.ts';
import { threadsCpuMs } from '../shared/process-cost.ts';
import { sinkReceived, startScp, startSink } from '../shared/programs.ts';
import { sendFiles } from '../shared/storescu.ts';
import type { TelemetryVolume } from './measured-here.ts';

/** Rows and columns: 8 KB. */
const side = 60;
const delayMs = 1000;
/** Nothing has come for so long: all is told. */
const quietMs = 4000;
const metricsPath = '/v1/metrics';
const tracesPath = '/v1/traces';

export async function telemetryVolume(
  compression: 'none' | 'gzip',
  instances: number,
  { onStage, onProgress }: Watched,
): Promise<TelemetryVolume> {
  const stage = new Stage();
  onStage(stage);
  try {
    const sink = await startSink(stage);
    const folder = await stage.folder('studies');
    const proxy = await startProxy(stage, {
      destinations: { pacs: { port: await startScp(stage) } },
      otlp: `http://127.0.0.1:${sink}`,
      more: { integrity: { quietPeriod: `${delayMs}ms`, verify: false } },
      env: {
        OTEL_BSP_SCHEDULE_DELAY: String(delayMs),
        OTEL_METRIC_EXPORT_INTERVAL: String(delayMs),
        OTEL_EXPORTER_OTLP_COMPRESSION: compression,
      },
    });
    const received = async () => (await sinkReceived(sink)).paths;
    const cpu = () => {
      const { first, others } = threadsCpuMs(proxy.process.pid);
      return first + others;
    };
    const traces = async (work: () => Promise<unknown>): Promise<number> => {
      const before = (await received())[tracesPath]?.bytes ?? 0;
      await work();
      for (let last = -1, now = before; now !== last; now = (await received())[tracesPath]?.bytes ?? 0) {
        last = now;
        await delay(quietMs);
      }
      return ((await received())[tracesPath]?.bytes ?? 0) - before;
    };
    let seed = 80_000;
    const inOneAssociation = async (shape: Omit<Shape, 'side'>) => {
      const studies = await makeStudies(folder, { ...shape, side }, seed);
      seed += shape.studies;
      await sendFiles(proxy.port, studies.files);
    };
    const one = async () => {
      const messages = [...generateStudy({ slices: instances, rows: side, columns: side, seed })].map(storeMessage);
      seed += 1;
      await sendOneByOne(proxy.port, messages, 60_000);
    };
    onProgress(`telemetry, compression ${compression}`);
    await traces(() => inOneAssociation({ studies: 1, slices: 10 }));
    const beforeMs = cpu();
    const base = await traces(() => inOneAssociation({ studies: 1, slices: instances }));
    const twice = await traces(() => inOneAssociation({ studies: 1, slices: instances * 2 }));
    const associations = await traces(one);
    const studies = await traces(() => inOneAssociation({ studies: instances / 2, slices: 2 }));
    const sent = instances * 5;
    const metrics = (await received())[metricsPath];
    return {
      perInstance: (twice - base) / instances,
      perAssociation: (associations - base) / (instances - 1),
      perStudy: (studies - base) / (instances / 2 - 1),
      cpuMsPerInstance: (cpu() - beforeMs) / sent,
      perMetricExport: metrics === undefined ? 0 : metrics.bytes / metrics.requests,
    };
  } finally {
    await stage.clear();
  }
}
