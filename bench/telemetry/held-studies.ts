/**
 * What studies that are open cost a process: `node --expose-gc held-studies.ts ledger|tracker STUDIES INSTANCES`, as JSON.
 *
 * ledger: the ledger in SQLite; tracker: what telemetry keeps to tell spans in the right trace, with tracers that make nothing. A few studies
 * come first; figures are of what comes after those, garbage collected before each look.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { createNoopMeter, ProxyTracerProvider, TraceFlags, trace } from '@opentelemetry/api';
import { createTelemetry } from '@radiotracer/telemetry';
import { type OpenStudies, openLedger, storesOf, uidOfStudy, writeOpenStudies } from './open-studies.ts';

export interface HeldStudies extends OpenStudies {
  /** Of the heap and what hangs on it outside, for each study. */
  readonly heapBytesOfEach: number;
  /** Resident memory for each study; noisy, and not below zero only by chance. */
  readonly rssBytesOfEach: number;
  readonly cpuUsPerInstance: number;
  /** On disk, for each study. */
  readonly fileBytesOfEach?: number;
  /** Of one study while all of it is looked at. */
  readonly pageHeapBytes?: number;
  /** Kept as open in the end. */
  readonly openStudies?: number;
}

interface Subject {
  write(open: OpenStudies, seed: number): Promise<number>;
  end(before: OpenStudies): Promise<Partial<HeldStudies>>;
}

function used(): { readonly heap: number; readonly rss: number } {
  // Twice: what the first round finalizes, the second frees.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

function ledgerSubject(): Subject {
  const folder = mkdtempSync(join(tmpdir(), 'radiotracer-bench-held-'));
  const path = join(folder, 'integrity.db');
  const ledger = openLedger(path);
  return {
    write: (open, seed) => writeOpenStudies(ledger, open, seed),
    end: async ({ studies }) => {
      const before = used();
      const page = await ledger.ledger.page(uidOfStudy(2, 0));
      const pageHeapBytes = used().heap - before.heap;
      if (page?.study.state !== 'open') throw new Error('the study is not open');
      await ledger.stop();
      const { size } = statSync(path);
      rmSync(folder, { recursive: true });
      return { pageHeapBytes, fileBytesOfEach: size / studies };
    },
  };
}

function trackerSubject(): Subject {
  const tracer = new ProxyTracerProvider().getTracer('bench');
  const telemetry = createTelemetry({
    tracer,
    rootTracer: {
      isSampled: () => true,
      startSpan: (ids) => trace.wrapSpanContext({ ...ids, traceFlags: TraceFlags.SAMPLED }),
    },
    meter: createNoopMeter(),
    siteKey: Buffer.alloc(32, 7),
    studiesToldBy: 'ledger',
    quietPeriodMs: 86_400_000,
  });
  return {
    write: async (open, seed) => {
      const before = process.cpuUsage();
      let count = 0;
      for (const event of storesOf(open, seed)) {
        telemetry.publish(event);
        count += 1;
        if (count % 64 === 0) await telemetry.flush();
      }
      await telemetry.flush();
      await turn();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    },
    end: async () => ({ openStudies: telemetry.stats().openStudies }),
  };
}

const [what, studies, instancesOfEach] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const subject = what === 'ledger' ? ledgerSubject() : trackerSubject();
const open = { studies, instancesOfEach };
const first = { studies: Math.max(2, Math.ceil(studies / 5)), instancesOfEach };
await subject.write(first, 1);
const before = used();
const cpuMs = await subject.write(open, 2);
const after = used();
const held: HeldStudies = {
  ...open,
  heapBytesOfEach: (after.heap - before.heap) / studies,
  rssBytesOfEach: (after.rss - before.rss) / studies,
  cpuUsPerInstance: (cpuMs * 1000) / (studies * instancesOfEach),
  ...(await subject.end({ studies: first.studies + studies, instancesOfEach })),
};
console.log(JSON.stringify(held));
