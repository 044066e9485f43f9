import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Telemetry } from '@radiotracer/telemetry';

/** Node's monitor measures how far apart its own timer's turns are, so this much of each value is no delay. */
const resolutionMs = 20;

/** Several readers ask at different times; what was measured is thrown away no more often than this. */
const freshMs = 5000;

interface LoopDelay {
  readonly meanSeconds: number;
  readonly p50Seconds: number;
  readonly p90Seconds: number;
  readonly p99Seconds: number;
  readonly maxSeconds: number;
  readonly utilization: number;
}

/** The process' own metrics, read when a reader asks. Returns what ends the measuring. */
export function observeProcess({ observe }: Pick<Telemetry, 'observe'>): () => void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  let utilization: EventLoopUtilization = performance.eventLoopUtilization();
  let seenAt = performance.now();
  let seen: LoopDelay | undefined;
  const look = (): LoopDelay => {
    if (seen !== undefined && performance.now() - seenAt < freshMs) return seen;
    const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000) || 0;
    const now = performance.eventLoopUtilization();
    const { utilization: share } = performance.eventLoopUtilization(now, utilization);
    seen = {
      meanSeconds: seconds(delay.mean),
      p50Seconds: seconds(delay.percentile(50)),
      p90Seconds: seconds(delay.percentile(90)),
      p99Seconds: seconds(delay.percentile(99)),
      maxSeconds: seconds(delay.max),
      utilization: share,
    };
    utilization = now;
    seenAt = performance.now();
    delay.reset();
    return seen;
  };
  observe(
    [
      'nodejs.eventloop.delay.mean',
      'nodejs.eventloop.delay.p50',
      'nodejs.eventloop.delay.p90',
      'nodejs.eventloop.delay.p99',
      'nodejs.eventloop.delay.max',
      'nodejs.eventloop.utilization',
    ],
    (tell) => {
      const loop = look();
      tell('nodejs.eventloop.delay.mean', loop.meanSeconds, {});
      tell('nodejs.eventloop.delay.p50', loop.p50Seconds, {});
      tell('nodejs.eventloop.delay.p90', loop.p90Seconds, {});
      tell('nodejs.eventloop.delay.p99', loop.p99Seconds, {});
      tell('nodejs.eventloop.delay.max', loop.maxSeconds, {});
      tell('nodejs.eventloop.utilization', loop.utilization, {});
    },
  );
  observe(['process.cpu.time', 'process.memory.usage', 'process.uptime'], (tell) => {
    const { user, system } = process.cpuUsage();
    tell('process.cpu.time', user / 1e6, { 'cpu.mode': 'user' });
    tell('process.cpu.time', system / 1e6, { 'cpu.mode': 'system' });
    tell('process.memory.usage', process.memoryUsage.rss(), {});
    tell('process.uptime', process.uptime(), {});
  });
  return () => delay.disable();
}
